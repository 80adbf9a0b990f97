"""What no reply may tell: how the server is built, where it lies, what a driver said, or a secret."""

import re
from typing import Final

TELLTALES: Final = {
    "a stack": r"Traceback|File \\?\"[^\"]+\.py|\bline \d+, in |\.py\b",
    "a path of this machine": r"(?<![\w/])/(?:home|root|tmp|usr|var|etc|opt|srv|proc)/|site-packages",
    "words of a driver": r"pymongo|bson|MongoServer|E11000|\$clusterTime|WriteError|OperationFailure|"
    r"mongodb(?:\+srv)?://|rediss?://|socket\.(?:error|timeout)|Errno|ECONN",
    "words of a library": r"werkzeug|flask|pydantic|jinja2|gunicorn|openpyxl|botocore|bcrypt|jwt\.|"
    r"Python/|\b(?:Key|Type|Value|Attribute|Runtime|Unicode\w*|Recursion|Assertion)Error\b",
    "a hash of a password": r"\$2[aby]\$\d\d\$|pbkdf2|argon2|scrypt",
    "a hash": r"(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96})(?![0-9a-f])",
    "a token": r"eyJ[\w-]{8,}\.[\w-]{8,}",
    "an object of Python": r"<(?:class|function|\w+ object at )|0x[0-9a-f]{8,}|(?-i:\bNone\b)|\bdict_\w+",
}
_KNOWN: Final = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in TELLTALES.items()}


def told(text: str, sent: str = "") -> list[str]:
    """Return what a reply tells; words that the request itself holds are no news."""
    return [
        f"{kind}: {match[0]}"
        for kind, pattern in _KNOWN.items()
        for match in pattern.finditer(text)
        if match[0].lower() not in sent.lower()
    ]

"""What attackers send, as data."""

from collections.abc import Sequence
from typing import Any, Final

# in place of a text: each would mean something to the database
OPERATORS: Final[Sequence[Any]] = (
    {"$ne": None},
    {"$ne": ""},
    {"$gt": ""},
    {"$gte": ""},
    {"$lt": "~"},
    {"$lte": "~"},
    {"$eq": "root"},
    {"$in": ["root", "admin"]},
    {"$nin": []},
    {"$exists": True},
    {"$type": "string"},
    {"$regex": ".*"},
    {"$regex": "^(a+)+$", "$options": "i"},
    {"$not": {"$eq": "x"}},
    {"$where": "1 == 1"},
    {"$where": "function() { sleep(5000) }"},
    {"$expr": {"$eq": [1, 1]}},
    {"$expr": {"$function": {"body": "function() { return true }", "args": [], "lang": "js"}}},
    {"$jsonSchema": {}},
    {"$text": {"$search": "a"}},
    {"$mod": [1, 0]},
    {"$all": []},
    {"$elemMatch": {"$ne": None}},
    {"$size": 0},
    {"$or": [{}, {"a": "a"}]},
    {"$and": [{}]},
    {"$nor": []},
    {"$comment": "x"},
    {"$set": {"role": "superadmin"}},
    {"$unset": {"status": ""}},
    {"$literal": "root"},
    {"$accumulator": {}},
    {"$ref": "users", "$id": "0" * 24},
    {"$oid": "0" * 24},
    {"$numberLong": "1"},
    {"$date": 0},
    {"": "root"},
    {"a.b": {"$ne": None}},
    {"a": {"b": {"$gt": ""}}},
    {"__proto__": {"role": "superadmin"}},
)

# in place of a search: each would take long, or more than it should, as a pattern
EVIL_PATTERNS: Final = (
    *("(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*a){20}", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "(a*)*b"),
    *(".*.*=.*", r"^(\w+\s?)*$", "((a+)+)+", "(?:a|b|ab)*c", r"\d+(\d+)*x", '([^"]*)*"', r"(?=(a+))a*b\1"),
    *("a{1,99999}", "[[:alpha:]]+", "(?P<n>a)(?P=n)", "\\", "[", "(", "*", "+", "?", "{", "^", "$", ".", "|"),
    *("a" * 100, "!" * 100, "aA" * 50, "\u0130" * 50, "\u0345" * 100, "\ufdfa" * 30, "e\u0301" * 50),
    *("9" * 100, "+91" * 30, "0x" * 50, "-" * 100, "a/" * 50, "a." * 50, "@" * 100, "a@" * 50, " " * 100),
    *("%" * 100, "\u202e" * 100, "a\u200b" * 50, "\U0001f469\u200d" * 30, "\t" * 50, "'\"`;--", "../" * 30),
)

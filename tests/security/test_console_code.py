"""The console's own code: data never name what is set on an object (prototype pollution)."""

import re
from typing import Final

from tests.docs.evidence import ROOT

FOLDERS: Final = ("console", "pages")
# An assignment to a member whose name is worked out, and what copies members without looking at their names.
NAMED_BY_DATA: Final = re.compile(r"[\w)\]]\[[^\]'\"]+\]\s*(?:[-+*/|&?]{0,2}=)(?![=>])")
COPIES: Final = re.compile(r"__proto__|Object\.(?:assign\((?![^{]*, \{)|define|setPrototype)|Reflect\.set")


def test_data_never_name_what_is_set_on_an_object() -> None:
    scripts = [path for folder in FOLDERS for path in (ROOT / "static" / folder).rglob("*.js")]

    lines = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in scripts
        for line in path.read_text(encoding="utf-8").splitlines()
        if NAMED_BY_DATA.search(line) or COPIES.search(line)
    ]

    assert len(scripts) > 20
    assert lines == []
    assert NAMED_BY_DATA.search("rows[row.id] = row")

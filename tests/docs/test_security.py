"""docs/security.md lists every URL that asks for no permission: a new one is reviewed there."""

import re
from pathlib import Path

from flask import Flask

from config.permissions import Permission
from routes._kit.endpoint import SIGNED_IN
from routes._kit.openapi import declared

ROW = re.compile(r"^\| `([A-Z]+ /[^`]*)` \| (public|signature) \|", re.MULTILINE)
MOST = 20


def test_every_url_without_a_permission_is_listed(described: Flask, docs: Path) -> None:
    listed = ROW.findall((docs / "security.md").read_text(encoding="utf-8"))
    found = [
        (f"{spec.method} {rule.rule}", str(spec.access))
        for rule, spec in declared(described)
        if not isinstance(spec.access, Permission) and spec.access is not SIGNED_IN
    ]

    assert sorted(listed) == sorted(found)
    assert len(found) <= MOST

"""The first account of an installation on one machine: made up once, kept in its data folder."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from startup_scripts.errors import CannotStart

FILE: Final = "superadmin.json"
USERNAME: Final = "superadmin"


class Superadmin(NamedTuple):
    username: str
    password: str


def superadmin(data_dir: Path, environment: Mapping[str, str]) -> Superadmin:
    """Return the folder's superadmin; on its first start from the environment, or with a random password."""
    path = data_dir / FILE
    if path.exists():
        return kept_superadmin(path)
    made = Superadmin(
        environment.get("SUPERADMIN_USERNAME") or USERNAME,
        environment.get("SUPERADMIN_PASSWORD") or secrets.token_urlsafe(15),
    )
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(made._asdict(), file)
    draft.replace(path)
    return made


def kept_superadmin(path: Path) -> Superadmin:
    """Return what the file says; raise CannotStart where it is not what ``superadmin`` writes."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Superadmin(str(kept["username"]), str(kept["password"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"{path} cannot be read ({error}); delete it only together with its data") from None

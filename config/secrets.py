"""Keys for a development machine: derived from one random master key that is kept in the data folder."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path


def development_key(data_dir: Path, name: str) -> str:
    """Return the key called ``name``; the same on every start that uses this data folder."""
    return hmac.new(master_key(data_dir), name.encode(), hashlib.sha256).hexdigest()


def master_key(data_dir: Path) -> bytes:
    """Return the folder's master key; make it (mode 0600) where there is none. Two starters get one key."""
    path = data_dir / "master.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = data_dir / f".master.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)  # fails if another starter was first: then theirs is the key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()

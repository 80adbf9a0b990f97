"""FileStore in a folder of this machine. Its links lead to this server, signed and short-lived."""

import errno
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from services.ports import FileLink, Health
from utils.clock import Clock
from utils.problems import Unavailable

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PURPOSE: Final = b"versant signed file link"


class LocalFiles:
    """Keeps files under one folder. Keys are ours (``imports/<id>``), never a client's.

    ``base_url`` is where people reach this server; ``secret`` signs links.
    """

    def __init__(self, folder: Path, base_url: str, secret: str, clock: Clock) -> None:
        self._folder, self._base_url, self._clock = folder, base_url, clock
        self._secret = hmac.digest(secret.encode(), PURPOSE, sha256)

    def put(self, key: str, content: bytes) -> None:
        """Store a file: complete or not at all, on the disk before this returns; Unavailable if full."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            draft.unlink(missing_ok=True)
            if error.errno not in FULL:
                raise
            raise Unavailable("There is no room for files now.", retry_after=60) from None
        draft.replace(path)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Lend the path of a stored file."""
        path = self._folder / key
        if not path.is_file():
            raise FileNotFoundError(key)
        yield path

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has."""
        try:
            return (self._folder / key).stat().st_size
        except FileNotFoundError:
            return None

    def beginning(self, key: str, length: int) -> bytes:
        """Return the first bytes of a file."""
        with (self._folder / key).open("rb") as file:
            return file.read(length)

    def move(self, source: str, target: str) -> None:
        """Rename a file, at once or not at all."""
        path = self._folder / target
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / source).replace(path)

    def delete(self, key: str) -> None:
        """Remove a file."""
        (self._folder / key).unlink(missing_ok=True)

    def keys_before(self, prefix: str, before: datetime) -> Iterator[str]:
        """Yield the keys of old files."""
        for path in sorted((self._folder / prefix).rglob("*")):
            if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                yield path.relative_to(self._folder).as_posix()

    def check(self) -> Health:
        """Tell whether files can be put into the folder."""
        folder = next(path for path in (self._folder, *self._folder.absolute().parents) if path.exists())
        fine = os.access(folder, os.W_OK | os.X_OK)
        return Health("files", fine, "lie on this machine" if fine else "cannot be written")

    def upload_link(self, key: str, content_type: str, size: int, seconds: int) -> FileLink:
        """Return a link that takes exactly these bytes, once the route that serves it has compared them."""
        return self._link("PUT", key, {"Content-Type": content_type, "Content-Length": str(size)}, seconds)

    def download_link(self, key: str, _name: str, _content_type: str, /, seconds: int) -> FileLink:
        """Return a link that downloads the file; its name and type are those that the server knows."""
        return self._link("GET", key, {}, seconds)

    def is_signed(self, method: str, key: str, expires: int, signature: str) -> bool:
        """Tell whether a link to this file is ours and still good."""
        wanted = self._signature(method, key, expires)
        return hmac.compare_digest(wanted.encode(), signature.encode()) and expires > self._now().timestamp()

    def _link(self, method: str, key: str, headers: dict[str, str], seconds: int) -> FileLink:
        until = self._now() + timedelta(seconds=seconds)
        expires = int(until.timestamp())
        signature = self._signature(method, key, expires)
        url = f"{self._base_url}/files/content/{key}?expires={expires}&signature={signature}"
        return FileLink(method, url, headers, until)

    def _signature(self, method: str, key: str, expires: int) -> str:
        return hmac.new(self._secret, f"{method}\n{key}\n{expires}".encode(), sha256).hexdigest()

    def _now(self) -> datetime:
        return self._clock.now()

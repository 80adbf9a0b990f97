"""FileStore in a folder of this machine."""

import os
from pathlib import Path


class LocalFiles:
    """Keeps files under one folder. Names are ours (``imports/<id>``), never a client's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        """Store a file: complete or not at all, and on the disk before this returns."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def open_local(self, name: str) -> Path:
        """Return the path of a stored file."""
        path = self._folder / name
        if not path.is_file():
            raise FileNotFoundError(name)
        return path

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink(missing_ok=True)

"""/console: the console for people, a page and its files. It holds no data; what it shows it asks for."""

import hashlib
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, current_app, render_template

from routes._kit.endpoint import PUBLIC, route
from utils.problems import NotFound

bp = Blueprint("console", __name__)

FOLDERS: Final = ("console", "vendor")
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
A_YEAR: Final = "public, max-age=31536000, immutable"


@route(bp, "GET", "/console", permission=PUBLIC, media_type="text/html")
def console() -> Response:
    """Show the console."""
    shown = render_template("console/console.html", files=f"/console/files/{_stamp(_files())}")
    return Response(shown, mimetype="text/html")


@route(bp, "GET", "/console/files/<stamp>/<path:name>", permission=PUBLIC, media_type="text/javascript")
def console_file(stamp: str, name: str) -> Response:
    """Return a file of the console. Its address holds a digest of all of them, so browsers may keep it."""
    files = _files()
    path = files.get(name)
    if path is None:
        raise NotFound()
    kept = A_YEAR if stamp == _stamp(files) else "no-store"
    return Response(path.read_bytes(), mimetype=KINDS[path.suffix], headers={"Cache-Control": kept})


def _files() -> dict[str, Path]:
    """Return every file that the console consists of, by its address below ``/static``."""
    static = Path(current_app.static_folder or "")
    return {
        path.relative_to(static).as_posix(): path
        for folder in FOLDERS
        for path in sorted((static / folder).rglob("*"))
        if path.suffix in KINDS
    }


def _stamp(files: dict[str, Path]) -> str:
    """Return a digest that changes with any of the files."""
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]

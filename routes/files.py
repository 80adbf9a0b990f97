"""/files: uploads and downloads. The bytes go over signed links: to the storage, or to this server's own."""

from urllib.parse import quote

from flask import Blueprint, Response, request, send_file

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import SIGNATURE, route
from routes._kit.services import services
from services.files.documents import FileState
from services.files.schemas import ContentQuery, FileCreate, FileOut, LinkOut, UploadOut
from services.files.service import UPLOADS, FileInUse, FileNotFound, FileNotStored
from services.ports import SignedFiles
from utils.problems import Invalid, NotFound, UnsupportedType

bp = Blueprint("files", __name__, url_prefix="/files")

SANDBOX = "sandbox; default-src 'none'"


@route(bp, "POST", "", permission=Permission.FILE_WRITE, status=201, raises=[Invalid])
def announce(body: FileCreate, actor: Actor) -> UploadOut:
    """Announce a file: send its bytes to the link in the reply, then complete it."""
    return services().files.announce(body, actor)


@route(bp, "GET", "/<file_id>", permission=Permission.FILE_READ, raises=[FileNotFound])
def get_file(file_id: str, actor: Actor) -> FileOut:
    """Read what is known of a file, and whether it can be used."""
    return services().files.get(file_id, actor)


@route(bp, "POST", "/<file_id>/complete", permission=Permission.FILE_WRITE, status=202, raises=[FileNotFound])
def complete(file_id: str, actor: Actor) -> FileOut:
    """Say that the bytes are there. They are checked in the background: read the file again."""
    return services().files.complete(file_id, actor)


@route(bp, "GET", "/<file_id>/link", permission=Permission.FILE_READ, raises=[FileNotFound, FileNotStored])
def link(file_id: str, actor: Actor) -> LinkOut:
    """Get a link that downloads a stored file. It is good for a minute, for whoever has it."""
    return services().files.link(file_id, actor)


@route(
    bp, "DELETE", "/<file_id>", permission=Permission.FILE_WRITE, status=204, raises=[FileNotFound, FileInUse]
)
def remove(file_id: str, actor: Actor) -> None:
    """Remove a file that nothing uses."""
    services().files.remove(file_id, actor)


def _signed() -> None:
    """Raise unless the link is ours and good; anything else is not there."""
    key, given = str((request.view_args or {}).get("key")), request.args
    expires, signature = given.get("expires", ""), given.get("signature", "")
    if not expires.isdecimal() or not _local().is_signed(request.method, key, int(expires[:12]), signature):
        raise NotFound()


@route(
    bp,
    "PUT",
    "/content/<path:key>",
    permission=SIGNATURE,
    status=204,
    raises=[NotFound, UnsupportedType],
    proof=_signed,
)
def put_content(key: str, query: ContentQuery, content: bytes) -> None:  # noqa: ARG001  for its schema
    """Take the bytes of an announced file, where this server is the storage."""
    file = services().files.by_key(key.removeprefix(UPLOADS))
    if file.state is not FileState.WAITING:
        raise FileNotStored()
    if request.mimetype != file.content_type:
        raise UnsupportedType(f"Send {file.content_type}.")
    if len(content) != file.size:
        raise Invalid(f"Send exactly {file.size} bytes.")
    _local().put(key, content)


@route(
    bp,
    "GET",
    "/content/<path:key>",
    permission=SIGNATURE,
    raises=[NotFound],
    media_type="application/octet-stream",
    proof=_signed,
)
def get_content(key: str, query: ContentQuery) -> Response:  # noqa: ARG001  for its schema
    """Download a stored file, where this server is the storage."""
    file = services().files.by_key(key)
    if file.state is not FileState.STORED:
        raise NotFound()
    with _local().local(key) as path:
        reply = send_file(path, mimetype=file.content_type, conditional=False, etag=False, max_age=0)
    reply.headers["Cache-Control"] = "private, no-store"
    reply.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    reply.headers["Content-Security-Policy"] = SANDBOX
    reply.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # whoever has the link, on whatever page
    return reply


def _local() -> SignedFiles:
    """Return the storage of this server; where files lie elsewhere, there is nothing here."""
    local = services().local_files
    if local is None:
        raise NotFound()
    return local

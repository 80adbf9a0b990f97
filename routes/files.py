"""/files: uploads and downloads. The bytes go over signed links: to the storage, or to this server's own."""

from urllib.parse import quote

from flask import Blueprint, Response, request, send_file

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import SIGNATURE, route
from routes._kit.services import services
from services.files.documents import FileState, StoredFile
from services.files.schemas import ContentQuery, FileCreate, FileOut, LinkOut, UploadOut
from services.files.service import FileInUse, FileNotFound, FileNotStored
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


@route(bp, "PUT", "/content/<path:key>", permission=SIGNATURE, status=204, raises=[NotFound, UnsupportedType])
def put_content(key: str, query: ContentQuery, content: bytes) -> None:
    """Take the bytes of an announced file, where this server is the storage."""
    file = _of_link("PUT", key, query)
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
)
def get_content(key: str, query: ContentQuery) -> Response:
    """Download a stored file, where this server is the storage."""
    file = _of_link("GET", key, query)
    if file.state is not FileState.STORED:
        raise NotFound()
    with _local().local(key) as path:
        reply = send_file(path, mimetype=file.content_type)
    reply.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    reply.headers["Content-Security-Policy"] = SANDBOX
    return reply


def _of_link(method: str, key: str, query: ContentQuery) -> StoredFile:
    """Return the file of a link that is ours and good; anything else is not there."""
    if not _local().is_signed(method, key, query.expires, query.signature):
        raise NotFound()
    return services().files.by_key(key)


def _local() -> SignedFiles:
    """Return the storage of this server; where files lie elsewhere, there is nothing here."""
    local = services().local_files
    if local is None:
        raise NotFound()
    return local

"""A repeated creating POST with the same ``Idempotency-Key`` gets the first reply and makes nothing new."""

import hashlib
from collections.abc import Callable

from flask import Response, request

from models import Actor
from routes._kit.services import services
from services.idempotency.service import SavedReply
from utils.problems import Invalid

MAX_KEY = 200


def once(actor: Actor, call: Callable[[], Response]) -> Response:
    """Return ``call()``, or the saved reply of the same request."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return call()
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid.field("Idempotency-Key", f"must be 1 to {MAX_KEY} printable characters")

    def work() -> SavedReply:
        response = call()
        return SavedReply(response.status_code, response.get_data(), response.headers.get("ETag"))

    saved = services().idempotency.once(actor.id, request.endpoint or "", key, _digest(), work)
    response = Response(saved.body, saved.status, mimetype="application/json")
    if saved.etag:
        response.headers["ETag"] = saved.etag
    return response


def _digest() -> str:
    """Return a hash of what was asked: path, query and content (a multipart boundary differs every time)."""
    digest = hashlib.sha256(request.full_path.encode())
    if request.mimetype == "multipart/form-data":
        for name, value in sorted(request.form.items(multi=True)):
            digest.update(repr((name, value)).encode())
        for name, file in sorted(request.files.items(multi=True)):
            file.stream.seek(0)
            digest.update(repr((name, file.filename)).encode() + file.stream.read())
    else:
        digest.update(request.get_data())
    return digest.hexdigest()

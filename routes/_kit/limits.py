"""What no request may be, whatever it asks for; looked at before the URL is."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from flask import Flask, request

from config.constants import MAX_HEADER_BYTES, MAX_URL_BYTES
from utils.problems import HeadersTooLarge, Malformed, UriTooLong

CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def install(app: Flask) -> None:
    """Have every request of an app looked at, and one URL stand for each thing."""
    app.url_map.merge_slashes = False  # no redirect to where the request says that we are
    app.before_request(refuse_unreadable)


def refuse_unreadable() -> None:
    """Raise for addresses and headers that are too long or that hold what is no text."""
    environ = request.environ
    path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    if max(len(environ.get("RAW_URI", "")), len(path) + len(query)) > MAX_URL_BYTES:
        raise UriTooLong(f"At most {MAX_URL_BYTES} bytes.")
    headers = "\t".join(f"{name}\t{value}" for name, value in environ.items() if name.startswith("HTTP_"))
    if len(headers) > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"At most {MAX_HEADER_BYTES} bytes.")
    if CONTROL.search(headers):
        raise Malformed("A header holds a control character.")
    _refuse_no_text(path.encode("latin-1"))
    _refuse_no_text(unquote_to_bytes(query.encode("latin-1")))


def _refuse_no_text(sent: bytes) -> None:
    """Raise for NUL and for what is not UTF-8, halves of characters (lone surrogates) among it."""
    if b"\x00" in sent:
        raise Malformed("The address holds a NUL character.")
    try:
        sent.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The address is not UTF-8.") from None

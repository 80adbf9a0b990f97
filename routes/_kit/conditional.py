"""ETag and If-Match: two people who edit one thing cannot overwrite each other unseen."""

import re

from flask import Response, request
from pydantic import BaseModel

from utils.problems import Stale


def with_etag(response: Response, shown: BaseModel | None) -> Response:
    """Add the ``ETag`` of a reply that has a ``revision``."""
    revision = getattr(shown, "revision", None)
    if isinstance(revision, int):
        response.headers["ETag"] = f'"r{revision}"'
    return response


def if_match() -> int | None:
    """Return the revision that the client last saw; None if it does not care."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    match = re.fullmatch(r'(?:W/)?"r(\d{1,9})(?::\w+)?"', given)  # a compressed reply's tag names its coding
    if match is None:
        raise Stale("If-Match is not an ETag of this resource.")
    return int(match.group(1))

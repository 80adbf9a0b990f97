"""/docs, /openapi.json and /problems: the interface, described by itself."""

from importlib.resources import files
from mimetypes import guess_type
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from pydantic import BaseModel

from routes._kit.endpoint import PUBLIC, route
from routes._kit.openapi import openapi
from utils.problems import NotFound, Problem

bp = Blueprint("docs", __name__)

SWAGGER_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})


class OpenAPIDocument(BaseModel):
    """An OpenAPI 3.1 document."""


@route(bp, "GET", "/openapi.json", permission=PUBLIC)
def openapi_document() -> Response:
    """Return the OpenAPI 3.1 document of this server."""
    kept: dict[str, Any] = current_app.extensions
    if "openapi" not in kept:  # anybody may ask, and it takes most of a second to make
        document = openapi(current_app, current_app.config["PRODUCT_NAME"])
        kept["openapi"] = current_app.json.dumps(document)
    return Response(kept["openapi"], mimetype="application/json")


@route(bp, "GET", "/docs", permission=PUBLIC, media_type="text/html")
def pages() -> Response:
    """Show the interface in the browser, with files that this server serves itself."""
    return Response(render_template("pages/docs.html"), mimetype="text/html")


@route(bp, "GET", "/docs/files/<name>", permission=PUBLIC, media_type="application/octet-stream")
def swagger_file(name: str) -> Response:
    """Return a file of Swagger UI."""
    if name not in SWAGGER_FILES:
        raise NotFound()
    content = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    return Response(content, mimetype=guess_type(name)[0], headers={"Cache-Control": "max-age=86400"})


@route(bp, "GET", "/problems/<slug>", permission=PUBLIC, media_type="text/html")
def problem_page(slug: str) -> Response:
    """Explain one problem type, for people."""
    found = {kind.slug(): kind for kind in Problem.kinds()}.get(slug)
    if found is None:
        raise NotFound()
    return Response(render_template("pages/problem.html", kind=found), mimetype="text/html")

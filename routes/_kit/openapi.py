"""The OpenAPI 3.1 document, built from the declarations of the routes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from config.permissions import Permission
from routes._kit.endpoint import PUBLIC, SIGNATURE, Endpoint
from utils.problems import Problem

REF: Final = "#/components/schemas/{model}"
Refs: TypeAlias = Mapping[Any, Any]
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeat a request with the same key and it is done once; kept for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that you read; a change by somebody else since then is 412.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the reply that you have; while it holds, the answer is 304.",
    "schema": {"type": "string"},
}


def openapi(app: Flask, title: str) -> dict[str, Any]:
    """Return the document. A pure function of the app: two apps give two documents."""
    found = list(declared(app))
    refs, schemas = models_json_schema(_models(found), ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for rule, spec in found:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[spec.method.lower()] = _operation(rule, spec, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": app.config["VERSION"]},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}) | {"Problem": PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def declared(app: Flask) -> Iterator[tuple[Rule, Endpoint]]:
    """Yield every URL rule with its declaration, in the order of the URLs."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        spec = getattr(app.view_functions[rule.endpoint], "endpoint", None)
        if isinstance(spec, Endpoint):
            yield rule, spec


def _models(found: list[tuple[Rule, Endpoint]]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for _, spec in found:
        wanted += [(m, "validation") for m in (spec.body, spec.query, spec.form) if m]
        wanted += [(spec.returns, "serialization")] if spec.returns else []
    return list(dict.fromkeys(wanted))


def _operation(rule: Rule, spec: Endpoint, refs: Refs) -> dict[str, Any]:
    summary, _, description = spec.doc.strip().partition("\n\n")
    result: dict[str, Any] = {
        "operationId": rule.endpoint,
        "summary": summary,
        "description": description,
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": list(_parameters(rule, spec)),
        "responses": _responses(spec, refs),
        "security": [] if spec.access in (PUBLIC, SIGNATURE) else [{"bearer": []}],
        "x-access": str(spec.access),
    }
    if isinstance(spec.access, Permission):
        result["x-permission"] = str(spec.access)
    if spec.fresh:
        result["x-fresh"] = True
    if spec.body:
        result["requestBody"] = _content(
            "application/json", refs[(spec.body, "validation")], required=spec.needs_body
        )
    if spec.form:
        result["requestBody"] = _content("multipart/form-data", _form(spec.form), required=True)
    return result


def _parameters(rule: Rule, spec: Endpoint) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if spec.query:
        schema = spec.query.model_json_schema(ref_template=REF)
        shared = schema.get("$defs", {})
        for name, shown in schema["properties"].items():
            required = name in schema.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": _inline(shown, shared)}
    if spec.creates:
        yield IDEMPOTENCY_KEY
    if "revision" in spec.hints:
        yield IF_MATCH
    if spec.cached:
        yield IF_NONE_MATCH


def _inline(schema: Any, shared: Mapping[str, Any]) -> Any:
    """Return the schema of a parameter with what it refers to put in its place."""
    if isinstance(schema, list):
        return [_inline(part, shared) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(shared[schema["$ref"].rpartition("/")[2]], shared)
    return {name: _inline(part, shared) for name, part in schema.items()}


def _form(form: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a multipart form: its fields, and the file in the part ``file``."""
    schema = form.model_json_schema(ref_template=REF)
    properties = {n: _inline(p, schema.get("$defs", {})) for n, p in schema["properties"].items()}
    for name in ("filename", "content"):
        properties.pop(name, None)
    properties["file"] = {"type": "string", "contentMediaType": "application/octet-stream"}
    required = [name for name in schema.get("required", ()) if name in properties]
    return {"type": "object", "required": [*required, "file"], "properties": properties}


def _responses(spec: Endpoint, refs: Refs) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success"}
    if spec.returns:
        success |= _content("application/json", refs[(spec.returns, "serialization")])
    elif spec.hints.get("return") is not type(None):
        success["content"] = {media_type: {"schema": {}} for media_type in spec.media_types}
    shown: dict[str, Any] = {str(spec.status): success}
    if spec.failure:
        shown[str(spec.failure)] = {**success, "description": "Not well; the body says why"}
    if spec.again:
        shown[str(spec.again)] = {**success, "description": "It was there already"}
    if spec.cached:
        shown["304"] = {"description": "What you have still holds"}
    kinds: dict[str, list[type[Problem]]] = {}
    for problem in spec.raises:
        kinds.setdefault(str(int(problem.status)), []).append(problem)
    for status, problems in sorted(kinds.items()):
        names = ", ".join(dict.fromkeys(problem.slug() for problem in problems))
        content = _content("application/problem+json", {"$ref": REF.format(model="Problem")})
        shown[status] = {"description": names} | content
    return shown


def _content(media_type: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}} | more

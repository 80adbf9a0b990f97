"""When two questions are equal, or look equal: white space, case and the order of options do not count."""

import hashlib
import json
from html import unescape
from typing import Any

from services.questions.content import AnyContent
from services.questions.paper import PaperQuestion, paper_of
from utils.text import key_of


def face_of(content: AnyContent) -> str:
    """Return the same text for questions that look the same to a student."""
    return _hash(_face(paper_of(content)))


def digest_of(content: AnyContent) -> str:
    """Return the same text for questions that look the same and have the same key."""
    return _hash([_face(paper_of(content)), _keyed(content)])


def _face(paper: PaperQuestion) -> Any:
    body = paper.body.model_dump(mode="json")
    children = [_face(child) for child in getattr(paper.body, "children", ())]
    body.pop("children", None)
    return [paper.type, key_of(unescape(paper.stem)), _texts(body), children]


def _texts(value: Any) -> Any:
    """Return the texts in a body without the ids, which are an author's own business."""
    if isinstance(value, dict):
        return [[name, _texts(part)] for name, part in sorted(value.items()) if name not in ("id", "pinned")]
    if isinstance(value, list):
        return sorted((_texts(part) for part in value), key=json.dumps)
    return key_of(unescape(value)) if isinstance(value, str) else value


def _keyed(content: AnyContent) -> Any:
    """Return the key with the texts of options in place of their ids."""
    body = content.body.model_dump(mode="json")
    named = {part["id"]: key_of(unescape(part["text"])) for part in _parts(body)}

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return sorted(([named.get(n, n), told(part)] for n, part in value.items()), key=json.dumps)
        if isinstance(value, list):
            return [told(part) for part in value]
        return named.get(value, value) if isinstance(value, str) else value

    children = [_keyed(child) for child in getattr(content.body, "children", ())]
    return [told(content.key.model_dump(mode="json")) if content.key else None, children]


def _parts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if {"id", "text"} <= value.keys() else []
        return own + [part for name, child in value.items() if name != "children" for part in _parts(child)]
    return [part for child in value for part in _parts(child)] if isinstance(value, list) else []


def _hash(value: Any) -> str:
    packed = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(packed.encode()).hexdigest()[:32]

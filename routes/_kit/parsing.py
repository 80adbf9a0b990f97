"""From the bytes of a request to a checked model; whatever is wrong is named by JSON pointer."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from flask import request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from config.constants import MAX_BODY_KEYS
from utils.problems import Invalid, Malformed, TooLarge, UnsupportedType

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 20
MAX_DIGITS = 20  # a sign, and what the largest number has
MAX_WHOLE = 2**63  # the database stores no larger ones


def limit_body(most: int) -> None:
    """Refuse a body of more than ``most`` bytes, before it is read."""
    request.max_content_length = most + 1  # of a body that names no length, one more is read, and seen
    if (request.content_length or 0) > most:
        raise TooLarge(f"At most {most} bytes.")


def no_body() -> bool:
    """Tell whether the request came without a body."""
    return not request.content_length and "Transfer-Encoding" not in request.headers


def json_body(most_keys: int = MAX_BODY_KEYS) -> Any:
    """Return the parsed body; a body that is not JSON is a 400, never an empty dict."""
    if not request.is_json:
        raise UnsupportedType("Send application/json.")
    try:
        text = raw_body().decode("utf-8")
        body = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_storable,
        )
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} in line {error.lineno}.") from None
    _check_shape(body, most_keys)
    return body


def raw_body() -> bytes:
    """Return the bytes of the body."""
    with _reading():
        sent = request.get_data()
    if len(sent) >= (request.max_content_length or math.inf):
        raise TooLarge()
    return sent


@contextmanager
def _reading() -> Iterator[None]:
    """Say what is wrong with a body that cannot be read to its end."""
    try:
        yield
    except RequestEntityTooLarge:
        raise TooLarge() from None
    except ParseException:
        raise Malformed("The body breaks off, or its chunks are not as HTTP/1.1 wants them.") from None


def parse(model: type[Model], data: Any) -> Model:
    """Validate ``data``; name every bad field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _invalid(error) from None


def no_query() -> None:
    """Refuse a query string where none is declared: what nobody reads would be taken for read."""
    if request.args:
        unknown = [{"pointer": f"/{name}", "detail": "is not a parameter here"} for name in request.args]
        raise Invalid(errors=unknown)


def parse_query(model: type[Model]) -> Model:
    """Validate the query string; a name given twice is refused, not guessed."""
    repeated = [name for name in request.args if len(request.args.getlist(name)) > 1]
    if repeated:
        raise Invalid(errors=[{"pointer": f"/{name}", "detail": "is given twice"} for name in repeated])
    _check_text(request.args.to_dict())
    return parse(model, request.args.to_dict())


def parse_form(model: type[Model]) -> Model:
    """Validate a multipart form; its file arrives as ``filename`` and ``content``."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedType("Send multipart/form-data with the file in the part `file`.")
    with _reading():
        names = [name for part in (request.form, request.files) for name, _ in part.items(multi=True)]
    if None in names:
        raise Malformed("The form holds a part without a name.")
    if len(set(names)) != len(names):
        raise Malformed("The form names a part twice.")
    fields, files = request.form.to_dict(), request.files.to_dict()
    _check_text(fields)
    _check_text({name: file.filename or "" for name, file in files.items()})
    if (file := files.pop("file", None)) is None:
        raise Invalid.field("file", "is missing: choose a file")
    if files:
        raise Invalid(errors=[{"pointer": f"/{name}", "detail": "is no file here"} for name in files])
    return parse(model, {**fields, "filename": file.filename or "", "content": file.read()})


def _invalid(error: ValidationError) -> Invalid:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return Invalid(errors=[{"pointer": _pointer(e["loc"]), "detail": _plain(e["msg"])} for e in found])


def _pointer(loc: tuple[int | str, ...]) -> str:
    """Return the JSON pointer; ``<…>`` names the member of a union that was meant, and is not in the body."""
    parts = [str(part) for part in loc if not str(part).startswith("<")]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The body names a key twice.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise Malformed("The body holds a number that is too large.")
    return number


def _storable(digits: str) -> int:
    if len(digits) > MAX_DIGITS or not -MAX_WHOLE <= (number := int(digits)) < MAX_WHOLE:
        raise Malformed("The body holds a number that is too large.")
    return number


def _check_shape(body: Any, most_keys: int) -> None:
    keys, level = 0, [body]
    for _ in range(MAX_DEPTH + 1):
        level = [child for value in level for child in _children(value)]
        keys += len(level)
        if keys > most_keys * 2:
            raise Malformed(f"The body has more than {most_keys} values.")
        if not level:
            return
    raise Malformed("The body is nested too deeply.")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        _check_string(value)
    return []


def _check_text(fields: dict[str, str]) -> None:
    for name, value in fields.items():
        _check_string(name)
        _check_string(value)


def _check_string(text: str) -> None:
    if "\x00" in text:
        raise Malformed("The request holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed("The request holds half a character (a lone surrogate).") from None

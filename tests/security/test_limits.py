"""What no route takes: too much, what is no text, and what it has not declared. Over all routes at once."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.wrappers import Response

from config.constants import MAX_HEADER_BYTES, MAX_URL_BYTES
from tests.security.surface import Sample, sending, slug

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
ALWAYS: Final = {"HEAD", "OPTIONS"}
JSON: Final = {"content_type": "application/json"}
DEEP: Final = b'{"a":' * 21 + b"1" + b"}" * 21
MANY: Final = b"{" + b",".join(b'"k%d":1' % number for number in range(2001)) + b"}"
BAD_BODIES: Final = {
    "nothing": b"",
    "half": b"{",
    "a key twice": b'{"a": 1, "a": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a float beyond all": b'{"a": 1e999}',
    "a whole number beyond all": b'{"a": ' + b"9" * 5000 + b"}",
    "a whole number that is not stored": b'{"a": 9223372036854775808}',
    "NUL in a value": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "half a character": b'{"a": "\\ud800"}',
    "half a character in a key": b'{"\\udfff": 1}',
    "no UTF-8": b'{"a": "\xff"}',
    "21 levels": DEEP,
    "60,000 levels": b"[" * 60_000,
}
MANY_KEYS: Final = {"2,001 keys": MANY}


def with_json(surface: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in surface if sample.spec.body and sample.spec.proof is None]


def refused(reply: Response, status: int, kind: str) -> bool:
    return (reply.status_code, slug(reply)) == (status, kind)


def faults(surface: Sequence[Sample], status: int, kind: str, ask: Callable[[Sample], Response]) -> Any:
    """Return how each operation answered that should have refused and did not."""
    found = {}
    for sample in surface:
        with ask(sample) as reply:
            if not refused(reply, status, kind):
                found[sample.name] = (reply.status_code, reply.get_data(as_text=True)[:200])
    return found


def test_a_body_that_is_no_clean_json_is_400_everywhere(surface: Sequence[Sample], boss: FlaskClient) -> None:
    for kind, bad in BAD_BODIES.items():
        taking = [one for one in with_json(surface) if one.spec.needs_body or bad]
        found = faults(taking, 400, "malformed", sending(boss, data=bad, **JSON))
        assert found == {}, kind


def test_a_body_of_too_many_keys_is_400_everywhere(surface: Sequence[Sample], boss: FlaskClient) -> None:
    assert faults(with_json(surface), 400, "malformed", sending(boss, data=MANY, **JSON)) == {}


def test_a_body_of_too_many_bytes_is_413_everywhere_before_anything_else(
    surface: Sequence[Sample], client: FlaskClient
) -> None:
    def ask(sample: Sample) -> Response:
        size = str(sample.spec.body_limit + 1)
        return sample.send(client, data=b"", environ_overrides={"CONTENT_LENGTH": size}, **JSON)

    assert faults(surface, 413, "too-large", ask) == {}


def test_a_body_of_too_many_bytes_that_names_no_length_is_413_too(
    surface: Sequence[Sample], boss: FlaskClient
) -> None:
    def ask(sample: Sample) -> Response:
        endless = io.BytesIO(b'"' + b"x" * sample.spec.body_limit)
        chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": endless}
        return sample.send(boss, data=b"", environ_overrides=chunked | {"CONTENT_LENGTH": ""}, **JSON)

    assert faults(with_json(surface), 413, "too-large", ask) == {}


class Broken(io.RawIOBase):
    """A body in chunks of which one does not say how long it is."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise InvalidChunkSize(b"zz")


def test_a_body_in_broken_chunks_is_400_everywhere(surface: Sequence[Sample], boss: FlaskClient) -> None:
    def ask(sample: Sample) -> Response:
        chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": Broken()}
        kind = {"content_type": "multipart/form-data; boundary=b"} if sample.spec.form else JSON
        return sample.send(boss, data=b"", environ_overrides=chunked | {"CONTENT_LENGTH": ""}, **kind)

    forms = [sample for sample in surface if sample.spec.form]
    assert faults([*with_json(surface), *forms], 400, "malformed", ask) == {}


def test_another_media_type_is_415_everywhere(surface: Sequence[Sample], boss: FlaskClient) -> None:
    forms = [sample for sample in surface if sample.spec.form]
    for sent in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json", "*/*"):
        taking = [*with_json(surface), *(forms if sent != "multipart/form-data" else ())]
        spoilt = {"data": b"{}", "content_type": sent}
        found = faults(taking, 415, "unsupported-type", sending(boss, **spoilt))
        assert found == {}, sent


def test_a_method_that_is_not_declared_is_405_and_says_which_are(
    surface: Sequence[Sample], client: FlaskClient
) -> None:
    found = {}
    for url in {sample.url for sample in surface}:
        declared = {sample.spec.method for sample in surface if sample.fits(url)}
        wanted = declared | {"OPTIONS"} | ({"HEAD"} if "GET" in declared else set())
        for method in {*METHODS, "TRACE", "PROPFIND"} - declared:
            reply = client.open(url, method=method)
            allowed = set(reply.headers.get("Allow", "").split(", "))
            if reply.status_code != 405 or allowed != wanted or slug(reply) != "about:blank":
                found[f"{method} {url}"] = (reply.status_code, allowed)
    assert found == {}


def test_head_answers_as_get_does_without_a_body(surface: Sequence[Sample], client: FlaskClient) -> None:
    found = {}
    for sample in surface:
        if sample.spec.method == "GET":
            with sample.send(client) as got, sample.send(client, method="HEAD") as asked:
                same = got.status_code == asked.status_code and got.content_type == asked.content_type
                if not same or asked.get_data():
                    found[sample.name] = (got.status_code, asked.status_code)
    assert found == {}


def test_options_tell_the_methods_and_nothing_else(surface: Sequence[Sample], client: FlaskClient) -> None:
    for sample in surface:
        reply = client.options(sample.url)
        told = set(reply.headers["Allow"].split(", "))
        assert (reply.status_code, reply.get_data()) == (200, b""), sample.name
        assert reply.content_type is None
        assert sample.spec.method in told, sample.name
        assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_query_that_nobody_declared_is_422_but_for_pages(
    surface: Sequence[Sample], boss: FlaskClient
) -> None:
    strict = [sample for sample in surface if not sample.spec.page and sample.spec.proof is None]

    def ask(sample: Sample) -> Response:
        query = {**sample.query, "nobody_declared": "1"}
        return sample.but(query=query).send(boss)

    assert faults(strict, 422, "invalid", ask) == {}
    for sample in surface:
        if sample.spec.page:
            with sample.send(boss, query_string={"utm_source": "mail"}) as reply:
                assert reply.status_code == 200, sample.name


def test_a_page_of_more_than_200_is_422_in_every_list(surface: Sequence[Sample], boss: FlaskClient) -> None:
    lists = [one for one in surface if one.spec.query and "limit" in one.spec.query.model_fields]
    assert len(lists) > 10
    for asked in ("0", "-1", "201", "1000000", "1e3", "99999999999999999999"):
        found = faults(lists, 422, "invalid", sending(boss, query_string={"limit": asked}))
        assert found == {}, asked


BAD_ADDRESSES: Final = {
    "NUL in the query": "?a=%00",
    "NUL in a name of the query": "?%00=a",
    "no UTF-8 in the query": "?a=%FF",
    "half a character in the query": "?a=%ED%A0%80",
}


def test_an_address_that_is_no_text_is_400_everywhere(surface: Sequence[Sample], client: FlaskClient) -> None:
    for kind, spoilt in BAD_ADDRESSES.items():

        def ask(sample: Sample, spoilt: str = spoilt) -> Response:
            return client.open(sample.url + spoilt, method=sample.spec.method)

        assert faults(surface, 400, "malformed", ask) == {}, kind


def test_a_path_that_is_no_text_is_400_everywhere(surface: Sequence[Sample], client: FlaskClient) -> None:
    for part in ("\x00", "\xff", "\xed\xa0\x80", "\xc0\xaf"):

        def ask(sample: Sample, part: str = part) -> Response:
            return sample.send(client, environ_overrides={"PATH_INFO": sample.url + part})

        assert faults(surface, 400, "malformed", ask) == {}, part


def test_a_header_that_is_no_text_is_400_everywhere(surface: Sequence[Sample], client: FlaskClient) -> None:
    for value in ("a\x00b", "a\x1bb", "a\x7fb", "a\nb"):

        def ask(sample: Sample, value: str = value) -> Response:
            return sample.send(client, environ_overrides={"HTTP_X_ANYTHING": value})

        assert faults(surface, 400, "malformed", ask) == {}, value


def test_addresses_and_headers_that_are_too_long_are_refused_everywhere(
    surface: Sequence[Sample], client: FlaskClient
) -> None:
    address, headers = "x" * MAX_URL_BYTES, {"X-Anything": "x" * MAX_HEADER_BYTES}

    assert faults(surface, 414, "uri-too-long", sending(client, query_string=f"a={address}")) == {}
    assert faults(surface, 431, "headers-too-large", sending(client, headers=headers)) == {}


def test_only_the_address_itself_is_the_address(surface: Sequence[Sample], client: FlaskClient) -> None:
    """What is not the address is nothing, or an id for which one has to be somebody; never a redirect."""
    found = {}
    for odd in ("{}/", "{}//", "{}/.", "{}/..", "{};a=b", "{}%20", "{}%2F"):
        for sample in surface:
            reply = client.open(odd.format(sample.url), method=sample.spec.method)
            if not sample.path and reply.status_code not in (401, 404, 405):
                found[sample.name, odd] = reply.status_code
    assert found == {}


ODD_IDS: Final = (
    *("%2F", "%2f..%2f..%2fetc%2fpasswd", "%2e", "%2e%2e", "..%2F" + "0" * 24, "%5C", "%25", "%252F", "%3F"),
    *("%23", "%20", "%0A", "{'$ne': null}", "null", "undefined", "0" * 23, "0" * 25, "G" * 24, "%E2%80%AE"),
    *("\N{COLLISION SYMBOL}", "-1", "1e9", "*"),
)


def test_whatever_is_sent_for_an_id_is_answered_like_an_id_that_names_nothing(
    surface: Sequence[Sample], boss: FlaskClient
) -> None:
    found = []
    for sample, name in _with_ids(surface):
        missing = _said(sample.send(boss))
        for odd in ODD_IDS:
            path = sample.url.replace(sample.path[name], odd)
            if (said := _said(sample.but(url=path).send(boss))) != missing:
                found.append((sample.name, odd, said, missing))
    assert found == []


def _with_ids(surface: Sequence[Sample]) -> Iterator[tuple[Sample, str]]:
    for sample in surface:
        for name in sample.path:
            if name.endswith("_id"):
                yield sample, name


def _said(reply: Response) -> Any:
    with reply:
        body = reply.get_json()
        return reply.status_code, {name: part for name, part in body.items() if name != "instance"}


GOOD_PARTS: Final = (('name="dry_run"', "true"), ('name="file"; filename="a.csv"', "x"))
PARTS: Final = {
    "NUL in a value": ('name="batch_id"', "a\x00b", 400, "malformed"),
    "NUL in a name": ('name="batch\x00id"', "a", 400, "malformed"),
    "a name twice": ('name="dry_run"', "true", 400, "malformed"),
    "no name": ("", "a", 400, "malformed"),
    "a name that nobody declared": ('name="role"', "superadmin", 422, "invalid"),
    "another file": ('name="other"; filename="b.csv"', "a", 422, "invalid"),
    "a second file": ('name="file"; filename="b.csv"', "a", 400, "malformed"),
}


def test_parts_of_a_form_are_text_and_declared_and_there_once(
    surface: Sequence[Sample], boss: FlaskClient
) -> None:
    taking = [sample for sample in surface if sample.spec.form]
    assert taking
    for kind, (named, value, status, problem) in PARTS.items():
        parts = (*GOOD_PARTS, (named, value))
        body = "".join(
            f"--cut\r\nContent-Disposition: form-data; {name}\r\n\r\n{text}\r\n" for name, text in parts
        )
        form = {"data": f"{body}--cut--\r\n".encode(), "content_type": "multipart/form-data; boundary=cut"}
        assert faults(taking, status, problem, sending(boss, **form)) == {}, kind


def test_nul_in_the_name_of_a_file_is_400(surface: Sequence[Sample], boss: FlaskClient) -> None:
    def ask(sample: Sample) -> Response:
        return sample.send(boss, data={"file": (io.BytesIO(b"x"), "a\x00.csv"), "batch_id": "0" * 24})

    assert faults([sample for sample in surface if sample.spec.form], 400, "malformed", ask) == {}

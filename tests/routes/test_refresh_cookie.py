"""The refresh token in a cookie: kept by browsers, told to nobody, traded for our own pages only."""

from collections.abc import Mapping
from itertools import product
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime
from routes._kit.refresh_cookie import NAME
from tests.cast import PASSWORD
from tests.people import bearer, grown, refreshed
from tests.security.test_headers import EVIL, FRONT, bare

HERE: Final = "http://localhost"  # where the test client asks
OURS: Final = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
PUBLIC: Final = "http://versant.test"
SITES: Final = ("same-origin", "same-site", "cross-site", "none", "nonsense", None)
ORIGINS: Final = (HERE, PUBLIC, FRONT, *EVIL, f"{HERE}:81", "http://localhost.evil.example", "", None)
REFUSED: Final = "/problems/cross-site-request"


def named(origin: str | None, site: str | None) -> dict[str, str]:
    """Return what a browser says of the page that asks."""
    given = {"Origin": origin, "Sec-Fetch-Site": site}
    return {name: value for name, value in given.items() if value is not None}


def enter(client: FlaskClient, headers: Mapping[str, str] = OURS, **more: Any) -> Any:
    body = {"username": "r1", "password": PASSWORD, "cookie": True}
    return client.post("/auth/login", json=body, headers=headers, **more)


@pytest.fixture
def browser(app: Flask, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser in which r1 is logged in, on a server that lists a frontend of another origin."""
    monkeypatch.setitem(app.config, "PAGES", app.config["PAGES"] | {FRONT})
    grown(runtime, "r1")
    client = app.test_client()
    assert enter(client).status_code == 200
    return client


def kept(client: FlaskClient) -> str:
    cookie = client.get_cookie(NAME)
    return cookie.value if cookie else ""


def test_a_login_by_cookie_keeps_the_token_out_of_reach(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")

    reply = enter(client)

    [header] = [one for one in reply.headers.getlist("Set-Cookie") if one.startswith(NAME)]
    parts = {part.strip().partition("=")[0]: part.strip().partition("=")[2] for part in header.split(";")}
    assert "refresh_token" not in reply.get_json()
    assert parts.keys() == {NAME, "Secure", "HttpOnly", "SameSite", "Path", "Max-Age", "Expires"}
    assert (parts["SameSite"], parts["Path"], parts["Max-Age"]) == ("Strict", "/", str(14 * 24 * 3600))
    assert kept(client) not in reply.get_data(as_text=True)


def test_the_cookie_is_traded_for_a_new_one(browser: FlaskClient) -> None:
    before = kept(browser)

    reply = browser.post("/auth/refresh", headers=OURS)

    assert reply.status_code == 200
    assert "refresh_token" not in reply.get_json()
    assert kept(browser) not in ("", before)
    me = browser.get("/auth/me", headers=bearer(reply.get_json()["access_token"]))
    assert me.get_json()["username"] == "r1"


def test_a_used_cookie_ends_its_family_and_is_forgotten(browser: FlaskClient) -> None:
    before = kept(browser)
    token = browser.post("/auth/refresh", headers=OURS).get_json()["access_token"]
    browser.set_cookie(NAME, before)

    reply = browser.post("/auth/refresh", headers=OURS)

    assert (reply.status_code, reply.get_json()["type"]) == (401, "/problems/token-reused")
    assert kept(browser) == ""
    assert browser.get("/auth/me", headers=bearer(token)).status_code == 401


def test_logging_out_ends_the_session_and_forgets_the_cookie(browser: FlaskClient) -> None:
    before = kept(browser)
    token = browser.post("/auth/refresh", headers=OURS).get_json()["access_token"]

    assert browser.post("/auth/logout", headers=bearer(token)).status_code == 204

    assert kept(browser) == ""
    assert refreshed(browser, before).status_code == 401


def test_only_pages_of_ours_use_the_cookie_whatever_the_browser_says(browser: FlaskClient) -> None:
    """Of every pair of origin and relation those that no other site's page can send are served."""
    own = {HERE, PUBLIC, FRONT}
    for origin, site in product(ORIGINS, SITES):
        before = kept(browser)
        served = origin in own and site in ("same-origin", "same-site", None)
        served = served or (origin is None and site == "same-origin")

        reply = browser.post("/auth/refresh", headers=named(origin, site))

        assert reply.status_code == (200 if served else 403), (origin, site)
        assert served or reply.get_json()["type"] == REFUSED
        assert (kept(browser) != before) == served, "what is refused trades nothing"
        assert "Access-Control-Allow-Origin" not in reply.headers, "this server lists no origin for reading"


def test_no_other_site_can_log_a_browser_in(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    for headers in (named(EVIL[0], "cross-site"), named(None, None), named("null", "none")):
        reply = enter(client, headers)

        assert (reply.status_code, reply.get_json()["type"]) == (403, REFUSED)
        assert not reply.headers.getlist("Set-Cookie")


def test_a_token_in_the_body_needs_no_page_and_touches_no_cookie(browser: FlaskClient, app: Flask) -> None:
    before = kept(browser)
    script = app.test_client().post("/auth/login", json={"username": "r1", "password": PASSWORD}).get_json()

    reply = browser.post(
        "/auth/refresh", json={"refresh_token": script["refresh_token"]}, headers=named(EVIL[0], "cross-site")
    )

    assert reply.status_code == 200
    assert reply.get_json()["refresh_token"]
    assert kept(browser) == before


def test_without_body_and_cookie_there_is_nothing_to_trade(client: FlaskClient) -> None:
    assert client.post("/auth/refresh", headers=OURS).status_code == 401
    assert client.post("/auth/refresh", json={}, headers=OURS).status_code == 401


def test_a_cookie_proves_nothing_but_at_the_refresh(browser: FlaskClient) -> None:
    for path in ("/auth/me", "/auth/sessions", "/notifications"):
        assert browser.get(path, headers=OURS).status_code == 401
    assert browser.post("/auth/logout", headers=OURS).status_code == 401


@pytest.mark.parametrize(
    ("base", "status"),
    [
        ("http://localhost:8000", 200),
        ("http://127.0.0.1:8000", 200),
        ("https://school.example", 200),
        ("http://school.example", 422),
        ("http://localhost.evil.example", 422),
    ],
)
def test_over_an_open_line_no_cookie_is_promised(
    client: FlaskClient, runtime: Runtime, base: str, status: int
) -> None:
    grown(runtime, "r1")

    reply = enter(client, named(base, "same-origin"), base_url=base)

    assert reply.status_code == status
    assert bool(reply.headers.getlist("Set-Cookie")) == (status == 200)


def test_listed_origins_may_send_the_cookie_where_it_counts_and_nowhere_else() -> None:
    client = bare(cors_origins=(FRONT,)).test_client()
    asked = {"Access-Control-Request-Method": "POST"}
    with_cookie = {"/auth/login", "/auth/refresh", "/auth/logout"}
    for path in (*with_cookie, "/auth/me", "/auth/login/x", "/x/auth/login", "/"):
        for origin in (FRONT, *EVIL):
            for reply in (
                client.options(path, headers={"Origin": origin, **asked}),
                client.post(path, headers={"Origin": origin}),
            ):
                allowed = reply.headers.get("Access-Control-Allow-Origin")
                credentials = reply.headers.get("Access-Control-Allow-Credentials")
                assert allowed == (FRONT if origin == FRONT else None), (path, origin)
                served = origin == FRONT and path in with_cookie
                assert credentials == ("true" if served else None), (path, origin)

"""What guards every reply, whoever gives it: a view, an error, a file, the sockets, or what is in front."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.errors import AutoReconnect
from werkzeug.wrappers import Response

from config.settings import Settings, SettingsError
from routes._kit import app_setup, front
from routes._kit.socket_gate import SocketGate
from tests.security.surface import Sample

FRONT: Final = "https://front.example"
EVIL: Final = (
    "https://evil.example",
    "null",
    f"{FRONT}.evil.example",
    "https://evilfront.example",
    "http://front.example",
    f"{FRONT}:8443",
    "https://FRONT.example.evil",
)
GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECRET: Final = "k" * 40
ENDS_THE_SESSION: Final = ("auth.logout", "auth.change_password")
KEPT: Final = ("console.console_file", "docs.swagger_file")  # the same for everybody


def missing(reply: Response) -> set[str]:
    """Return which guards a reply lacks, and what it tells of this server that is nobody's business."""
    csp = reply.headers.get("Content-Security-Policy", "")
    lacks = {name for name, value in GUARDS.items() if reply.headers.get(name) != value}
    lacks |= {"Content-Security-Policy"} if "default-src 'none'" not in csp else set()
    lacks |= {"frame-ancestors"} if "frame-ancestors 'none'" not in csp else set()
    lacks |= (
        {"Permissions-Policy"} if "camera=()" not in reply.headers.get("Permissions-Policy", "") else set()
    )
    lacks |= {name for name in ("Server", "X-Powered-By", "Via") if name in reply.headers}
    return lacks | {name for name, _ in reply.headers if name.startswith("Access-Control-")}


def unkept(reply: Response) -> bool:
    """Tell whether nobody but the browser that asked may keep a reply, and even that asks again."""
    kept = reply.headers.get("Cache-Control", "")
    return "no-store" in kept or kept == "private, no-cache"


def others(client: FlaskClient) -> Iterator[Response]:
    """Yield replies that no view gave."""
    yield client.get("/nowhere")
    yield client.get("/static/nowhere.js")
    yield client.get("/static/../main.py")
    yield client.delete("/auth/me")
    yield client.post("/auth/login", data=b"x" * 600_000, content_type="application/json")
    yield client.post("/auth/login", data=b"{", content_type="application/json")
    yield client.get("/auth/me?" + "x" * 5000)
    yield client.get("/socket.io/")
    yield client.get("/socket.io/?EIO=4&transport=polling")
    yield client.get("/socket.io/?EIO=4&transport=websocket", headers={"Origin": EVIL[0]})


def test_every_reply_of_every_route_is_guarded(
    surface: Sequence[Sample], boss: FlaskClient, app: Flask
) -> None:
    found: dict[str, Any] = {}
    for client, left in ((app.test_client(), ()), (boss, ENDS_THE_SESSION)):
        for sample in [sample for sample in surface if sample.name not in left]:
            for method in (sample.spec.method, "OPTIONS"):
                with sample.send(client, method=method) as reply:
                    if lacks := missing(reply):
                        found[sample.name] = lacks
                    if sample.name not in KEPT and not unkept(reply):
                        found[sample.name] = reply.headers.get("Cache-Control")
    assert found == {}


def test_errors_and_what_is_not_flask_are_guarded(client: FlaskClient) -> None:
    for reply in others(client):
        with reply:
            assert reply.status_code >= 400
            assert missing(reply) == set()
            assert unkept(reply)


def test_files_that_are_the_same_for_everybody_are_kept_and_guarded(client: FlaskClient) -> None:
    with client.get("/static/console/main.js") as reply:
        assert (reply.status_code, missing(reply), unkept(reply)) == (200, set(), False)


def bare(**settings: Any) -> Flask:
    """Return an app of the kit alone, with views that fail as views can."""
    made = Settings(jwt_secret_key=SECRET, **settings)
    app = Flask("bare", static_folder=None)
    app_setup.install(app, made, "1")

    def raises(error: Exception) -> Callable[[], str]:
        def view() -> str:
            raise error

        return view

    app.add_url_rule("/", "home", lambda: "hello", methods=["GET", "POST"])
    app.add_url_rule("/broken", "broken", raises(RuntimeError("mongodb://root:hidden@db.internal:27017")))
    app.add_url_rule("/away", "away", raises(AutoReconnect("db.internal:27017: connection refused")))
    app.wsgi_app = SocketGate(app.wsgi_app, 0)  # type: ignore[method-assign]
    front.install(app, made)
    return app


@pytest.mark.expects_errors
@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/away", 503), ("/socket.io/", 503)])
def test_failures_are_guarded_and_say_nothing(path: str, status: int) -> None:
    reply = bare().test_client().get(path)

    assert (reply.status_code, missing(reply), unkept(reply)) == (status, set(), True)
    assert reply.content_type == "application/problem+json"
    assert reply.get_json()["instance"].startswith("urn:uuid:")
    assert "db.internal" not in reply.get_data(as_text=True)
    assert status == 500 or int(reply.headers["Retry-After"]) >= 1


def test_listed_origins_may_read_and_no_other_and_never_with_credentials() -> None:
    client = bare(cors_origins=(FRONT,)).test_client()
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Authorization, X-Evil",
    }
    for path in ("/", "/nowhere"):
        for origin in (FRONT, *EVIL):
            for reply in (
                client.get(path, headers={"Origin": origin}),
                client.post(path, headers={"Origin": origin}),
                client.options(path, headers={"Origin": origin, **asked}),
            ):
                allowed = reply.headers.get("Access-Control-Allow-Origin")
                assert allowed == (FRONT if origin == FRONT else None), (path, origin)
                assert "Access-Control-Allow-Credentials" not in reply.headers
                assert "evil" not in reply.headers.get("Access-Control-Allow-Headers", "").lower()


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "null", "https://a.example/path", "a.example", ".*"]
)
def test_a_setting_that_is_no_list_of_origins_is_refused(origin: str, tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        Settings.from_env({"CORS_ORIGINS": f"{FRONT},{origin}", "DATA_DIR": str(tmp_path)})


def behind(proxies: int, production: bool = True) -> FlaskClient:
    mode = "production" if production else "development"
    settings = {"app_env": mode, "public_url": "https://versant.example", "trusted_proxies": proxies}
    return bare(**settings).test_client()


def by(*schemes: str) -> Mapping[str, str]:
    return {"X-Forwarded-Proto": ", ".join(schemes)}


def test_who_reads_in_the_clear_is_sent_to_the_public_address_never_to_one_that_the_request_names() -> None:
    headers = {**by("http"), "Host": "evil.example"}
    reply = behind(1).get("/a%2Fb?c=d", headers=headers)

    assert reply.status_code == 308
    assert reply.headers["Location"].startswith("https://versant.example/a%2Fb")
    assert missing(reply) == set()


def test_who_sends_in_the_clear_is_refused() -> None:
    reply = behind(1).post("/", headers=by("http"))

    assert (reply.status_code, reply.get_json()["type"]) == (403, "/problems/https-required")


def test_only_the_proxies_that_are_counted_say_how_somebody_came() -> None:
    assert behind(1).get("/", headers=by("https", "http")).status_code == 308
    assert behind(1).get("/", headers=by("http", "https")).status_code == 200
    assert behind(2).get("/", headers=by("http", "https")).status_code == 308
    assert behind(2).get("/", headers=by("https", "http", "https")).status_code == 308
    assert behind(0).get("/", headers=by("http")).status_code == 200
    assert behind(1, production=False).get("/", headers=by("http")).status_code == 200
    assert behind(1).get("/").status_code == 200  # a probe from the machine itself


def test_production_asks_browsers_to_come_by_https_only() -> None:
    assert "max-age=31536000" in behind(1).get("/nowhere").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in behind(1, production=False).get("/").headers

import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

STATIC = Path(__file__).resolve().parents[2] / "static"
REFERENCE = re.compile(r"""(?:from|import)\s+"(\.[^"]+)"|url\("(\.[^"]+)"\)""")
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
MARKUP_FROM_DATA = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")


def files_of(client: FlaskClient) -> str:
    """Return the address below which the page's files lie."""
    page = client.get("/console").get_data(as_text=True)
    found = re.search(r'src="(/console/files/[0-9a-f]{16})/console/main\.js"', page)
    assert found is not None
    return found.group(1)


def referenced(client: FlaskClient, base: str) -> dict[str, str]:
    """Return every script and style that the page leads to, by its address, with its text."""
    page = client.get("/console").get_data(as_text=True)
    waiting = [address.removeprefix(base) for address in re.findall(rf'(?:src|href)="({base}[^"]+)"', page)]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            reply = client.get(base + name)
            assert reply.status_code == 200, name
            found[name] = reply.get_data(as_text=True)
            folder = Path(name).parent
            for groups in REFERENCE.findall(found[name]) if "/vendor/" not in name else []:
                waiting.append(
                    "/"
                    + str((STATIC / str(folder).lstrip("/") / "".join(groups)).resolve().relative_to(STATIC))
                )
    return found


def test_the_page_is_public_holds_no_inline_code_and_names_the_product(
    client: FlaskClient, running: Flask
) -> None:
    reply = client.get("/console")

    page = reply.get_data(as_text=True)
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert "'unsafe-inline'" not in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "no-store"
    assert INLINE.findall(page) == []
    assert f'data-product="{running.config["PRODUCT_NAME"]}"' in page


def test_every_file_that_the_page_leads_to_is_served_and_none_lies_there_unused(client: FlaskClient) -> None:
    found = referenced(client, files_of(client))

    there = {f"/{path.relative_to(STATIC)}" for path in (STATIC / "console").rglob("*.*")}
    assert set(found) == there | {"/vendor/socket.io.esm.min.js"}


def test_no_module_makes_markup_of_data(client: FlaskClient) -> None:
    found = referenced(client, files_of(client))

    own = {name: MARKUP_FROM_DATA.findall(text) for name, text in found.items() if "/vendor/" not in name}
    assert [name for name, uses in own.items() if uses] == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("console/main.js", "text/javascript; charset=utf-8"),
        ("console/css/base.css", "text/css; charset=utf-8"),
        ("console/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_may_be_kept_as_long_as_its_address_is_right(
    client: FlaskClient, name: str, kind: str
) -> None:
    kept = client.get(f"{files_of(client)}/{name}")
    outdated = client.get(f"/console/files/0123456789abcdef/{name}")

    assert kept.headers["Content-Type"] == kind
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert outdated.headers["Cache-Control"] == "no-store"
    assert outdated.data == kept.data == (STATIC / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "pages/pages.css",
        "vendor/README.md",
        "../config/settings.py",
        "%2e%2e/main.py",
        "console",
    ],
)
def test_nothing_else_is_served_there(client: FlaskClient, name: str) -> None:
    assert client.get(f"{files_of(client)}/{name}").status_code == 404


def test_vendored_files_are_those_that_the_readme_names() -> None:
    named = re.findall(
        r"^\| `([^`]+)` \|.* `([0-9a-f]{64})` \|$", (STATIC / "vendor" / "README.md").read_text(), re.M
    )

    assert named
    for name, digest in named:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest

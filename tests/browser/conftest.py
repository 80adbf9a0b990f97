"""The console in a real Chromium, on the whole product as ``make serve`` starts it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.desk import Desk
from tests.servers import ROOT, Server

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = (
    "No Chromium was found: install the package chromium (Debian, Ubuntu) or Google Chrome, "
    "or name one in PLAYWRIGHT_CHROMIUM"
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_FAULT = "Failed to load resource"  # an answer that is not 2xx, or none, which tests bring about themselves
TALLEST = 2_000  # pixels of a picture that shows more than the window
SCREENSHOTS = ROOT / "tests" / "screenshots"


def chromium() -> str | None:
    """Return the browser to use, if there is one."""
    named = os.environ.get("PLAYWRIGHT_CHROMIUM")
    return named or next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(NO_CHROMIUM)
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The product on a data folder of its own; not started where there is no browser."""
    folder = tmp_path_factory.mktemp("product") / "data"
    with Server(folder, environment={"BCRYPT_ROUNDS": "4"}) as started:
        yield started


@pytest.fixture(scope="package")
def desk(server: Server) -> Iterator[Desk]:
    """The same server as an API client sees it, signed in as its superadmin: for what a test needs ready."""
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    with Desk(server.url, kept["username"], kept["password"]) as signed_in:
        yield signed_in


@pytest.fixture
def tolerated() -> list[str]:
    """How messages in the browser's console may begin without failing the test."""
    return [NO_FAULT]


@pytest.fixture
def opened(browser: Browser, server: Server, tolerated: list[str]) -> Iterator[Callable[..., Page]]:
    """Call it to open a page in a context of its own. A fault on any of them fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None
        )

    def open_page(**options: Any) -> Page:
        given = {"base_url": server.url, "viewport": {"width": 1280, "height": 860}, **options}
        context = browser.new_context(**given)
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.on("page", watch)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not fault.startswith(tuple(tolerated))] == []


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    """A page of its own, as big as a small laptop's."""
    return opened()


@pytest.fixture
def picture() -> Callable[..., None]:
    """Call it to keep how a page looks, for people to look at."""

    def keep(page: Page, name: str, *, whole: bool = False) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip: Any = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)} if whole else None
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole, clip=clip)

    return keep


@pytest.fixture
def sample() -> Path:
    """The roster that the product comes with."""
    return ROOT / "samples" / "roster_500.xlsx"

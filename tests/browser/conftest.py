"""The whole service as `script/server` runs it, and a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests.databases import migrated_sqlite

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="package")
def live_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files of `live_server`."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="package")
def live_database(live_folder: Path) -> str:
    """The URL of the database of `live_server`."""
    return f"sqlite:///{live_folder}/soko.db"


@pytest.fixture(scope="package")
def live_server(live_folder: Path) -> Iterator[str]:
    """The URL of a server with the demo data."""
    with serving_demo(live_folder) as url:
        yield url


@contextmanager
def serving_demo(folder: Path) -> Iterator[str]:
    """The URL of a server and worker on a free port, with a database in this folder that holds only the demo data."""
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PORT": str(port),
        "DATABASE_URL": migrated_sqlite(folder / "soko.db"),
        "PHOTOS_DIR": str(folder / "photos"),
        "DEMO": "on",
    }
    command = [sys.executable, "-m", "bot.server"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        is_open = any(line.startswith("Soko is open") for line in server.stdout)
        try:
            assert is_open, "the server ended before it was open"
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# for this package only: playwright runs an event loop in this thread, which the tests of other packages do not allow
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    expect.set_options(timeout=20_000)  # a text takes a moment through the worker
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def tab(browser: Browser) -> Iterator[Page]:
    """The only tab with scripts: to open another one takes as long as most tests."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """An empty tab that remembers nothing. Every error and warning of the browser (a script, the CSP, a 404) fails the
    test.
    """
    errors: list[str] = []

    def on_page_error(error: Error) -> None:
        errors.append(str(error))

    def on_console(line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            errors.append(line.text)

    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.on("pageerror", on_page_error)
    tab.on("console", on_console)
    yield tab
    tab.evaluate("localStorage.clear(), sessionStorage.clear()")
    tab.goto("about:blank")
    tab.context.clear_cookies()
    tab.remove_listener("pageerror", on_page_error)
    tab.remove_listener("console", on_console)
    assert not errors

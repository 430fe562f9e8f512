"""The whole service as a newcomer starts it, and a real browser to look at it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Web server and worker on a free port with a database of their own and the demo in it: the URL."""
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('database')}/soko.db",
        "PHOTOS_DIR": str(tmp_path_factory.mktemp("photos")),
        "DEMO": "on",
    }
    command = [sys.executable, "-m", "bot.server"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        greeted = any(line.startswith("Soko is open") for line in server.stdout)
        try:
            assert greeted, "the server ended before it was open"
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")  # while it is open an event loop runs in this thread, which others could not bear
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # a text is on its way through the worker for a moment
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty tab. Whatever the browser complains of (a script, the CSP, a 404) fails the test."""
    complaints: list[str] = []
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    yield tab
    tab.close()
    assert not complaints

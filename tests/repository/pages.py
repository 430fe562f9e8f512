"""Reading the project's Markdown pages: their code blocks, and a server for whoever follows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.repository.architecture import ROOT
from tests.servers import free_port

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
"""Where the pages expect the server of `script/server`."""


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of this language on a page, such as `README.md`, in their order."""
    return [code for found, code in _BLOCK.findall((ROOT / page).read_text()) if found == language]


def in_bash(script: str, url: str) -> str:
    """What a shell prints into which the script is pasted, with the server at `url` in place of the usual address."""
    with subprocess.Popen(
        ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as shell:
        printed, _ = shell.communicate(script.replace(ADDRESS, url))
    return printed


@contextmanager
def fresh_server(folder: Path) -> Iterator[str]:
    """The address of a server that has just been started for the first time, with demo data."""
    port = free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder}/soko.db",
        "PHOTOS_DIR": str(folder / "photos"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "bot.server"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if "Soko is open" in line:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.communicate()

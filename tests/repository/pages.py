"""Reads the project's Markdown pages, and runs a copy of the project in which their commands are tried."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.repository.architecture import ROOT
from tests.servers import free_port

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", ".hypothesis", ".env")
ADDRESS = "http://127.0.0.1:8000"
"""The address that the pages use for the server of `script/server`."""


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of this language on a page, such as `README.md`, in their order."""
    return [code for found, code in _BLOCK.findall((ROOT / page).read_text()) if found == language]


def copy_project(folder: Path) -> None:
    """A fresh copy of the project in `folder`, with the virtual environment and the bytecode of the original."""
    shutil.copytree(ROOT, folder, ignore=_LEFT_OUT, dirs_exist_ok=True, symlinks=True)
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())


def in_bash(script: str, folder: Path, url: str = ADDRESS) -> str:
    """What bash prints when the script is pasted into it in `folder`; `url` replaces `ADDRESS`."""
    pasted = script.replace(ADDRESS, url)
    done = subprocess.run(
        ["bash"], input=pasted, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


@contextmanager
def fresh_server(folder: Path, start: str = "script/server") -> Iterator[str]:
    """The address of a server that `start` starts in a fresh copy of the project in `folder`."""
    copy_project(folder)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        ["bash", "-c", start.replace(ADDRESS, url)],
        cwd=folder,
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert any("Soko is open" in line for line in server.stdout), "the server did not start"
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.communicate()

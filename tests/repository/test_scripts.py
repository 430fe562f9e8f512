"""`script/setup` in a house of its own, with a `uv` that writes down what it was asked to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.architecture import ROOT

SCRIPTS = [path for path in (*ROOT.glob("script/*"), ROOT / ".ci/run") if b"bash" in path.read_bytes()[:30]]
UV = '#!/bin/sh\necho "$*" >>"$0.log"\n[ ! -e "$0.broken" ]\n'
# pip is left out: it takes three seconds, and uv stands in for it
PYTHON = f"""#!/bin/sh
case "$*" in "-m venv "*) set -- "$@" --without-pip ;; esac
exec {sys.executable} "$@"
"""


class House:
    """A copy of `script/setup` with pins of its own, on a machine with Python and uv."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "tools"
        self.tools.mkdir()
        (root / "script").mkdir()
        shutil.copy(ROOT / "script/setup", root / "script/setup")
        (root / "requirements.txt").write_text("flask==3\n")
        (root / "requirements-dev.txt").write_text("pytest==9\n")
        for name, program in {"uv": UV, "python3.13": PYTHON}.items():
            (self.tools / name).write_text(program)
            (self.tools / name).chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "script/setup"), *arguments],
            cwd="/",
            env={"PATH": f"{self.tools}:/usr/bin:/bin"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, *arguments: str) -> tuple[int, str]:
        with self.start(*arguments) as process:
            _, said = process.communicate()
        return process.returncode, said

    def installed(self) -> list[str]:
        """What uv was asked for each time, in short."""
        log = self.tools / "uv.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [" ".join(word[2:] for word in line.split() if word.startswith("-r")) for line in lines]


@pytest.fixture
def services(tmp_path):
    return House(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_bash_that_can_be_run(script):
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert os.access(script, os.X_OK)


def test_a_second_start_installs_nothing_and_says_nothing(services):
    assert services.set_up()[0] == 0

    assert services.set_up() == (0, "")
    assert services.installed() == ["requirements.txt"]


def test_tools_of_the_tests_are_added_and_serve_the_server_too(services):
    services.set_up()
    services.set_up("--dev")
    services.set_up()

    assert services.installed() == ["requirements.txt", "requirements.txt requirements-dev.txt"]


def test_changed_pins_are_installed_into_what_is_there(services):
    services.set_up()
    (services.root / ".venv/kept").touch()
    (services.root / "requirements.txt").write_text("flask==3.1\n")
    services.set_up()

    assert len(services.installed()) == 2
    assert (services.root / ".venv/kept").exists()


def test_an_installation_that_failed_is_started_over(services):
    (services.tools / "uv.broken").touch()
    assert services.set_up()[0] != 0
    (services.root / ".venv/half").touch()

    (services.tools / "uv.broken").unlink()
    assert services.set_up()[0] == 0
    assert not (services.root / ".venv/half").exists()


def test_another_python_makes_another_environment(services):
    services.set_up()
    stamp = services.root / ".venv/stamp"
    stamp.write_text(stamp.read_text().replace("Python 3.", "Python 2."))
    (services.root / ".venv/old").touch()
    services.set_up()

    assert not (services.root / ".venv/old").exists()


def test_two_at_once_install_once(services):
    with services.start() as one, services.start() as other:
        one.communicate(), other.communicate()

    assert (one.returncode, other.returncode) == (0, 0)
    assert services.installed() == ["requirements.txt"]

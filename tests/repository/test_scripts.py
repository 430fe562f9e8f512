"""The scripts, each in its own copy of the checkout: nothing is installed, and this checkout does not change."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.repository.architecture import ROOT

SCRIPTS = [path for path in (*ROOT.glob("script/*"), ROOT / ".ci/run") if b"bash" in path.read_bytes()[:30]]
UV = '#!/bin/sh\necho "$*" >>"$0.log"\n[ ! -e "$0.broken" ]\n'
# without pip, whose installation takes three seconds; uv replaces it
PYTHON = f"""#!/bin/sh
case "$*" in "-m venv "*) set -- "$@" --without-pip ;; esac
exec {sys.executable} "$@"
"""


class Checkout:
    """A copy of the scripts with pins of its own, on a machine with Python and a `uv` that logs its arguments."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "tools"
        self.tools.mkdir()
        shutil.copytree(ROOT / "script", root / "script")
        (root / "requirements.txt").write_text("flask==3\n")
        (root / "requirements-dev.txt").write_text("pytest==9\n")
        for name, program in {"uv": UV, "python3.13": PYTHON}.items():
            write_program(self.tools / name, program)

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "script" / script), *arguments],
            cwd="/",
            env={"PATH": f"{self.tools}:/usr/bin:/bin"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **environment: str) -> tuple[int, str]:
        """The exit status, and what was printed: the output, then the errors."""
        with self.start(script, *arguments, **environment) as process:
            output, errors = process.communicate()
        return process.returncode, output + errors

    def set_up(self, *arguments: str) -> tuple[int, str]:
        return self.run("setup", *arguments)

    def installed(self) -> list[str]:
        """The requirement files of each installation."""
        log = self.tools / "uv.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [" ".join(word[2:] for word in line.split() if word.startswith("-r")) for line in lines]

    def create_environment(self, python: str) -> None:
        """Creates an up-to-date .venv whose Python is this program."""
        write_program(self.root / ".venv/bin/python", python)
        version = subprocess.run([self.root / ".venv/bin/python", "-V"], stdout=subprocess.PIPE, text=True, check=True)
        pins = (self.root / name for name in ("requirements.txt", "requirements-dev.txt"))
        (self.root / ".venv/stamp").write_text(version.stdout + "".join(file.read_text() for file in pins))


def write_program(path: Path, program: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(program)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_bash_that_can_be_run(script):
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert os.access(script, os.X_OK)


# -- setup


def test_a_second_run_installs_nothing_and_prints_nothing(checkout):
    assert checkout.set_up()[0] == 0

    assert checkout.set_up() == (0, "")
    assert checkout.installed() == ["requirements.txt"]


def test_an_environment_with_the_test_requirements_is_not_installed_again_for_the_server(checkout):
    checkout.set_up()
    checkout.set_up("--dev")
    checkout.set_up()

    assert checkout.installed() == ["requirements.txt", "requirements.txt requirements-dev.txt"]


def test_changed_pins_are_installed_into_the_environment_that_is_there(checkout):
    checkout.set_up()
    (checkout.root / ".venv/kept").touch()
    (checkout.root / "requirements.txt").write_text("flask==3.1\n")
    checkout.set_up()

    assert len(checkout.installed()) == 2
    assert (checkout.root / ".venv/kept").exists()


def test_after_a_failed_installation_a_new_environment_is_made(checkout):
    (checkout.tools / "uv.broken").touch()
    assert checkout.set_up()[0] != 0
    (checkout.root / ".venv/half").touch()

    (checkout.tools / "uv.broken").unlink()
    assert checkout.set_up()[0] == 0
    assert not (checkout.root / ".venv/half").exists()


def test_without_uv_on_the_machine_pip_installs(checkout):
    (checkout.tools / "uv").unlink()
    (checkout.root / "pip.py").write_text("import sys\nopen('pip.log', 'w').write(' '.join(sys.argv))\n")

    assert checkout.set_up()[0] == 0
    assert (checkout.root / "pip.log").read_text().endswith("--require-hashes -rrequirements.txt")


def test_with_another_python_a_new_environment_is_made(checkout):
    checkout.set_up()
    stamp = checkout.root / ".venv/stamp"
    stamp.write_text(stamp.read_text().replace("Python 3.", "Python 2."))
    (checkout.root / ".venv/old").touch()
    checkout.set_up()

    assert not (checkout.root / ".venv/old").exists()


def test_two_runs_at_once_install_once(checkout):
    with checkout.start("setup") as one, checkout.start("setup") as other:
        one.communicate(), other.communicate()

    assert (one.returncode, other.returncode) == (0, 0)
    assert checkout.installed() == ["requirements.txt"]


# -- check and test

TOOLS = """#!/bin/sh
# replaces Python with ruff, mypy and pytest: logs each command, and fails those that the file `fails` names
if [ "$1" = -V ]; then echo "Python 3.13.0"; exit; fi
echo "$*" >>"$0.log"
case "$*" in *pytest*) echo "4 passed in 0.1s" ;; esac
! grep -qx -- "$*" "$0.fails" 2>/dev/null
"""
LINT = ["-m ruff check", "-m ruff format --check", "-m mypy"]
PYTEST = "-m pytest -n 4 --one-store"
COMPILING = "-m compileall -q bot flows locales marketplace_api state"


@pytest.fixture
def tools(checkout):
    """The path of a Python that only logs the tools it should run; its log and the file `fails` are beside it."""
    checkout.create_environment(TOOLS)
    return checkout.root / ".venv/bin/python"


def logged(tools):
    return Path(f"{tools}.log").read_text().splitlines()


def summary(printed):
    """The verdict and the command of each line at the end."""
    return [line.partition(" (in ")[0] for line in printed.splitlines() if line.startswith(("passed", "FAILED"))]


def test_check_runs_lint_and_types(checkout, tools):
    status, printed = checkout.run("check")

    assert (status, logged(tools)) == (0, LINT)
    assert summary(printed) == ["passed  ruff check", "passed  ruff format --check", "passed  mypy"]


@pytest.mark.parametrize("broken", LINT)
def test_check_runs_all_tools_and_fails_if_one_fails(checkout, tools, broken):
    Path(f"{tools}.fails").write_text(broken)
    status, printed = checkout.run("check")

    assert (status, logged(tools)) == (1, LINT)
    assert [line for line in summary(printed) if line.startswith("FAILED")] == [f"FAILED  {broken[3:]}"]


def test_test_runs_lint_and_types_beside_all_tests_and_prints_a_summary(checkout, tools):
    status, printed = checkout.run("test")

    assert (status, sorted(logged(tools))) == (0, sorted([*LINT, COMPILING, PYTEST]))
    assert "\n4 passed in 0.1s\n" in printed
    assert [line.split()[:2] for line in summary(printed)] == [
        ["passed", "ruff"],
        ["passed", "ruff"],
        ["passed", "mypy"],
        ["passed", "pytest"],
    ]


@pytest.mark.parametrize("broken", [*LINT, PYTEST])
def test_test_fails_if_one_tool_fails(checkout, tools, broken):
    Path(f"{tools}.fails").write_text(broken)
    status, printed = checkout.run("test")

    assert status == 1
    assert [line for line in summary(printed) if line.startswith("FAILED")] == [f"FAILED  {broken[3:]}"]


@pytest.mark.parametrize(
    "option", [["--full"], ["--seed", "7"], ["--people", "5000"], ["--pairs", "3/10"], ["--durations=5"]]
)
def test_an_option_that_chooses_no_tests_runs_everything(checkout, tools, option):
    checkout.run("test", *option)

    assert sorted(logged(tools)) == sorted([*LINT, COMPILING, " ".join([PYTEST, *option])])


@pytest.mark.parametrize("choice", [["script"], ["script/setup::test_this"], ["-k", "money"], ["--full", "-m", "long"]])
def test_chosen_tests_run_alone_and_without_lint_and_types(checkout, tools, choice):
    status, printed = checkout.run("test", *choice)

    assert (status, logged(tools)) == (0, [" ".join(["-m pytest", *choice])])
    assert printed == "4 passed in 0.1s\n"


def test_a_build_machine_runs_the_same(checkout, tools):
    (checkout.root / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", checkout.root / "script/../.ci/run")

    assert checkout.run("../.ci/run", "-k", "money") == (0, "4 passed in 0.1s\n")


# -- soko


@pytest.fixture
def clone(checkout):
    """A checkout with the whole project, whose Python has the packages installed here."""
    for path in ROOT.iterdir():
        if path.name in ("wsgi.py", "bot", "flows", "state", "marketplace_api", "locales"):
            (checkout.root / path.name).symlink_to(path)
    checkout.create_environment(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return checkout


def test_soko_runs_a_command_of_the_service(clone, migrated_sqlite_url):
    create = ("soko", "apikey", "create", "bead shop", "--scope", "storefront")
    status, printed = clone.run(*create, DATABASE_URL=migrated_sqlite_url)
    with closing(sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"))) as database:
        names = database.execute("SELECT name FROM api_key").fetchall()

    assert status == 0, printed
    assert len(printed.split()) == 1, printed  # the key alone, so that a script can keep it
    assert names == [("bead shop",)]


def test_the_doctor_answers_in_json_also_where_a_setting_is_wrong(clone, sqlite_url):
    status, printed = clone.run("soko", "doctor", "--json", PORT="http", DATABASE_URL=sqlite_url)
    document = json.loads(printed)

    assert (status, document["ok"]) == (1, False)
    assert document["checks"][0]["detail"].startswith("PORT: 'http' is wrong")


def test_the_file_of_a_backup_is_in_the_folder_of_the_caller(checkout, tools):
    checkout.run("soko", "backup", "a.soko", DATABASE_URL="sqlite:///a.db")
    checkout.run("soko", "restore", "/b.soko")

    assert [line.split("--app wsgi ")[1] for line in logged(tools)] == ["backup //a.soko", "restore /b.soko"]


def test_soko_runs_the_tools_of_the_translators(clone):
    assert clone.run("soko", "locales", "check") == (0, "")


def test_soko_returns_the_exit_status_of_a_failed_command(clone, migrated_sqlite_url):
    status, printed = clone.run("soko", "apikey", "forge", DATABASE_URL=migrated_sqlite_url)

    assert status == 2
    assert "Usage: script/soko apikey" in printed


def test_soko_creates_the_database_of_a_new_clone(clone):
    status, printed = clone.run("soko", "ledger", "check")

    assert status == 0, printed
    assert (clone.root / "var/soko.db").exists()

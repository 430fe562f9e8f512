"""The house is a star: only the hall joins the rooms, and each room imports what its row allows."""

import pytest

from tests.repository.architecture import ROOMS, ROOT, objections


def test_every_import_is_one_that_the_table_allows():
    assert objections(ROOT) == []


def test_every_room_of_the_table_stands():
    assert [room for room in ROOMS if not ((ROOT / room).is_dir() or (ROOT / f"{room}.py").is_file())] == []


@pytest.mark.parametrize(
    "line",
    [
        "import state",
        "import state.sessions as store",
        "from state import sessions",
        "from bot.app import create_app",
        "from tests.repository import architecture",
        "import flask",
        "import json, redis",
        "from sqlalchemy.orm import Session",
        "import socket",
        "from urllib.request import urlopen",
        "def ask():\n    from state import sessions",
        "if TYPE_CHECKING:\n    from marketplace_api.models import Product",
        "try:\n    import redis\nexcept ImportError:\n    redis = None",
        "importlib.import_module('bot.app')",
        "import_module('redis')",
        "__import__('state')",
        "importlib.import_module(name)",
    ],
)
def test_a_room_that_reaches_beyond_its_row_is_objected_to(tmp_path, line):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sell.py").write_text(line)

    assert [objection.split(":")[0] for objection in objections(tmp_path)] == ["flows/sell.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import json",
        "import flows.turn",
        "from flows import turn",
        "from . import turn",
        "from ..kit.turn import Turn",
        "from transitions import Machine",
        "importlib.import_module('flows.sell')",
        "importlib.import_module('.sell', __package__)",
    ],
)
def test_what_the_row_allows_is_let_in(tmp_path, line):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sell.py").write_text(line)

    assert objections(tmp_path) == []


@pytest.mark.parametrize(
    "path", ["pantry/__init__.py", "pantry.py", "bot/utils.py", "bot/core/hop.py", "tests/helpers.py"]
)
def test_an_unknown_room_and_a_name_that_says_nothing_are_objected_to(tmp_path, path):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).touch()

    assert len(objections(tmp_path)) == 1

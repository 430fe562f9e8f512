"""The source tree follows the rules, each rule finds its violations, and the pictures show the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.repository import rules
from tests.repository.architecture import DRAWN, LEVELS, ROOT, TOP_LEVEL, draw, pictures
from tests.repository.imports import cycles, dependencies
from tests.repository.rules import RULES, SAME_NAMES

Rule = Callable[[Path], Iterator[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_follows_the_rule(rule: Rule) -> None:
    assert list(rule(ROOT)) == []


def test_every_package_and_module_of_the_table_exists() -> None:
    named = [
        *TOP_LEVEL,
        *(f"{package}/{name}" for package, levels in LEVELS.items() for names in levels for name in names),
    ]

    assert [name for name in named if not ((ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file())] == []


def test_the_pictures_are_drawn_from_the_table() -> None:
    drawn = dict(DRAWN.findall((ROOT / "docs/architecture.md").read_text()))

    assert drawn == pictures(), "redraw them: .venv/bin/python -m tests.repository.architecture"


def test_a_picture_is_drawn_in_its_place() -> None:
    page = "Before\n<!-- modules -->\nold\n<!-- /modules -->\nbetween\n<!-- packages -->\n<!-- /packages -->\nafter\n"

    assert draw(page, {"modules": "new\n", "packages": "levels\n"}) == (
        "Before\n<!-- modules -->\nnew\n<!-- /modules -->\nbetween\n"
        "<!-- packages -->\nlevels\n<!-- /packages -->\nafter\n"
    )


# -- each rule finds its violations

DOCSTRING = '"""What this package holds."""\n'
CLASS = "class Basket:\n    pass\n"


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


VIOLATIONS: list[tuple[Rule, dict[str, str], str]] = [
    (rules.unknown_top_level_modules, {"pantry/__init__.py": ""}, "pantry is not in the table"),
    (rules.unknown_top_level_modules, {"pantry.py": ""}, "pantry is not in the table"),
    *(
        (rules.forbidden_imports, {"flows/sell.py": line}, f"flows/sell.py:{number} imports {imported}")
        for line, number, imported in (
            ("import state", 1, "state"),
            ("import state.sessions as store", 1, "state.sessions"),
            ("from state import sessions", 1, "state.sessions"),
            ("from bot.app import create_app", 1, "bot.app"),
            ("from tests.repository import rules", 1, "tests.repository"),
            ("import flask", 1, "flask"),
            ("import json, redis", 1, "redis"),
            ("from sqlalchemy.orm import Session", 1, "sqlalchemy.orm"),
            ("import socket", 1, "socket"),
            ("from urllib.request import urlopen", 1, "urllib.request"),
            ("def ask():\n    from state import sessions", 2, "state.sessions"),
            ("if TYPE_CHECKING:\n    from marketplace_api.models import Product", 2, "marketplace_api.models"),
            ("try:\n    import redis\nexcept ImportError:\n    redis = None", 2, "redis"),
            ("importlib.import_module('bot.app')", 1, "bot.app"),
            ("import_module('redis')", 1, "redis"),
            ("__import__('state')", 1, "state"),
            ("importlib.import_module(name)", 1, "a name made at run time"),
            ("importlib.import_module(f'flows.{name}')", 1, "a name made at run time"),
            ("importlib.import_module(name='state')", 1, "a name made at run time"),
        )
    ),
    *(
        (
            rules.imports_against_the_levels,
            {importer: line},
            f"{importer}:{number} imports bot.{imported}, which is not on a lower level than",
        )
        for importer, line, number, imported in (
            # from a higher level
            ("bot/jobs/runner.py", "from bot.services import Services", 1, "services"),
            ("bot/messaging/queue.py", "from bot import services", 1, "services"),
            ("bot/webhooks/dispatcher.py", "def send():\n    from bot.services import build", 2, "services"),
            ("bot/payments/payouts.py", "if TYPE_CHECKING:\n    from bot.services import Services", 2, "services"),
            ("bot/photos/store.py", "import_module('bot.services')", 1, "services"),
            ("bot/photos/mms.py", "import bot.web.photo_page", 1, "web"),
            ("bot/providers/http.py", "from bot.messaging.queue import Queue", 1, "messaging"),
            ("bot/providers/forms.py", "from ..payments import payouts", 1, "payments"),
            ("bot/providers/forms.py", "import_module('..payments', __package__)", 1, "payments"),
            ("bot/simulator/carriers.py", "from bot.app import create_app", 1, "app"),
            ("bot/simulator/page.py", "from bot import worker", 1, "worker"),
            ("bot/simulator/page.py", "from bot.cli import phone", 1, "cli"),
            ("bot/services.py", "from bot.simulator.wallet import Wallet", 1, "simulator"),
            ("bot/app.py", "from bot.cli import register", 1, "cli"),
            ("bot/runtime/settings.py", "from bot.jobs import runner", 1, "jobs"),
            # from the same level
            ("bot/conversation/service.py", "from bot.web import rate_limits", 1, "web"),
            ("bot/jobs/runner.py", "from bot.providers import contracts", 1, "providers"),
            ("bot/messaging/queue.py", "from bot.payments import payouts", 1, "payments"),
            ("bot/db/engine.py", "from bot.runtime.settings import Settings", 1, "runtime"),
            ("bot/worker.py", "from bot import server", 1, "server"),
        )
    ),
    *(
        (
            rules.imports_against_the_levels,
            {f"marketplace_api/{importer}": line},
            f"marketplace_api/{importer}:1 imports marketplace_api.{imported}, which is not on a lower level than",
        )
        for importer, line, imported in (
            ("orders/orders.py", "from marketplace_api.rest import app", "rest"),
            ("payments/ledger.py", "from marketplace_api.orders import orders", "orders"),
            ("payments/due.py", "from marketplace_api.catalogue import products", "catalogue"),
            ("kiosks/kiosks.py", "from ..accounts import artisans", "accounts"),
            ("events/events.py", "import marketplace_api.payments.payouts", "payments"),
            ("models.py", "from marketplace_api.shop import Shop", "shop"),
            ("statuses.py", "from marketplace_api import event_types", "event_types"),
        )
    ),
    (rules.parts_without_a_level, {"bot/pantry/__init__.py": ""}, "bot/pantry has no level"),
    (rules.parts_without_a_level, {"marketplace_api/pantry.py": ""}, "marketplace_api/pantry has no level"),
    (rules.parts_without_a_level, {"bot/pantry.py": ""}, "bot/pantry has no level"),
    (rules.files_beside_the_entry_points, {"bot/pages.py": ""}, "bot/pages.py is directly in bot"),
    *(
        (
            rules.forbidden_imports_of_adapters,
            {"bot/providers/toy.py": "PROVIDER: Provider = Provider('toy')", importer: line},
            f"{importer}:{number} imports bot.providers.toy",
        )
        for importer, line, number in (
            ("bot/app.py", "from bot.providers import toy", 1),
            ("bot/worker.py", "import bot.providers.toy", 1),
            ("bot/worker.py", "def sender():\n    from bot.providers.toy import Toy", 2),
            ("bot/conversation/service.py", "if TYPE_CHECKING:\n    from bot.providers.toy import Toy", 2),
            ("bot/providers/http.py", "from .toy import Toy", 1),
            ("bot/providers/other.py", "from . import toy", 1),
            ("bot/services.py", "import_module('bot.providers.toy')", 1),
        )
    ),
    (
        rules.import_cycles,
        {"bot/jobs/a.py": "import bot.photos", "bot/jobs/__init__.py": "", "bot/photos/__init__.py": "import bot.jobs"},
        "bot has an import cycle: jobs, photos",
    ),
    (
        rules.import_cycles,
        {
            "marketplace_api/orders.py": "def pay():\n    from marketplace_api import payments",
            "marketplace_api/payments.py": "from marketplace_api.kiosks import Kiosk",
            "marketplace_api/kiosks.py": "from .orders import Order",
        },
        "marketplace_api has an import cycle: kiosks, orders, payments",
    ),
    (rules.meaningless_names, {"bot/utils.py": ""}, "bot/utils.py has a meaningless name"),
    (rules.meaningless_names, {"bot/core/hop.py": ""}, "bot/core/hop.py has a meaningless name"),
    (rules.meaningless_names, {"tests/helpers.py": ""}, "tests/helpers.py has a meaningless name"),
    *(
        (
            rules.packages_without_a_one_sentence_docstring,
            {"bot/jobs/__init__.py": text},
            "bot/jobs/__init__.py does not begin",
        )
        for text in ("", "import json\n", '"""Jobs"""', '"""Jobs. And their runner."""', '"""Jobs.\nAnd more."""')
    ),
    (
        rules.files_that_only_reexport,
        {"bot/jobs/old.py": "from bot.jobs.runner import run"},
        "bot/jobs/old.py only re-exports",
    ),
    (
        rules.files_that_only_reexport,
        {"flows/old.py": '"""Moved."""\nfrom flows import new\nOld = new.New\n__all__ = ["Old"]\n'},
        "flows/old.py only re-exports",
    ),
    (rules.files_that_only_reexport, {"tests/old.py": "from tests.new import New"}, "tests/old.py only re-exports"),
    (rules.long_files, {"state/people.py": "\n" * 401}, "state/people.py has 401 lines"),
    (
        rules.duplicate_class_names,
        {
            "bot/jobs/runner.py": CLASS,
            "tests/baskets.py": f"def make():\n    {CLASS.replace(chr(10), chr(10) + '    ')}",
        },
        "Basket is the name of several classes: bot/jobs/runner.py:1, tests/baskets.py:2",
    ),
    (
        rules.duplicate_class_names,
        {"marketplace_api/models.py": "class Kiosk: ...", "tests/people.py": "class Kiosk: ..."},
        "Kiosk is the name of several classes",
    ),
    (
        rules.duplicate_class_names,
        {
            "marketplace_api/models.py": "class Kiosk: ...",
            "marketplace_api/schemas/kiosks.py": "class Kiosk: ...",
            "flows/market.py": "class Kiosk: ...",
        },
        "Kiosk is the name of several classes",
    ),
]


@pytest.mark.parametrize(("rule", "files", "message"), VIOLATIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_rule_finds_a_violation(tmp_path: Path, rule: Rule, files: dict[str, str], message: str) -> None:
    (found,) = rule(tree(tmp_path, files))

    assert found.startswith(message)


def test_every_rule_has_an_example_of_a_violation() -> None:
    assert set(RULES) <= {rule for rule, _, _ in VIOLATIONS}


# -- and nothing else

ALLOWED: list[tuple[Rule, dict[str, str]]] = [
    *(
        (rules.forbidden_imports, {"flows/kit/sell.py": line})
        for line in (
            "import json",
            "import flows.turn",
            "from flows import turn",
            "from . import turn",
            "from ..turn import Turn",
            "from transitions import Machine",
            "importlib.import_module('flows.sell')",
            "importlib.import_module('.sell', __package__)",
        )
    ),
    *(
        (rules.imports_against_the_levels, {"bot/messaging/queue.py": line})
        for line in (
            "from bot.messaging.routing import Router",
            "from . import routing",
            "from bot.providers import contracts",
            "from bot.runtime.clock import Clock",
            "from state import outbox",
            "import json",
        )
    ),
    (rules.parts_without_a_level, {"bot/app.py": "", "bot/jobs/__init__.py": ""}),
    (rules.files_beside_the_entry_points, {"bot/app.py": "", "bot/server.py": "", "bot/worker.py": ""}),
    (
        rules.forbidden_imports_of_adapters,
        {
            "bot/providers/toy.py": "PROVIDER: Provider = Provider('toy')",
            "bot/providers/registry.py": "from bot.providers import toy",
        },
    ),
    (
        rules.forbidden_imports_of_adapters,
        {
            "bot/providers/toy.py": "PROVIDER: Provider = Provider('toy')",
            "bot/simulator/toy.py": "from bot.providers.toy import Toy",
        },
    ),
    (
        rules.forbidden_imports_of_adapters,
        {"bot/providers/contracts.py": "", "bot/app.py": "from bot.providers import contracts"},
    ),
    (
        rules.import_cycles,
        {"bot/jobs/a.py": "import bot.jobs.b", "bot/jobs/b.py": "import bot.db", "bot/db/__init__.py": ""},
    ),
    (rules.packages_without_a_one_sentence_docstring, {"bot/jobs/__init__.py": DOCSTRING}),
    (
        rules.packages_without_a_one_sentence_docstring,
        {"bot/jobs/__init__.py": '"""One sentence.\n\nAnd an example of use. Or two.\n"""'},
    ),
    (rules.files_that_only_reexport, {"bot/jobs/__init__.py": "from bot.jobs.runner import run"}),
    (rules.files_that_only_reexport, {"bot/jobs/kinds.py": "from typing import Literal\nKind = Literal['text']"}),
    (rules.long_files, {"state/people.py": "\n" * 400, "marketplace_api/models.py": "\n" * 600}),
    (rules.long_files, {"bot/migrations/versions/0001_tables.py": "\n" * 600, "tests/test_long.py": "\n" * 600}),
    (
        rules.duplicate_class_names,
        {"marketplace_api/models.py": "class Kiosk: ...", "marketplace_api/schemas/kiosks.py": "class Kiosk: ..."},
    ),
]


@pytest.mark.parametrize(("rule", "files"), ALLOWED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_rule_finds_nothing_in_allowed_code(tmp_path: Path, rule: Rule, files: dict[str, str]) -> None:
    assert list(rule(tree(tmp_path, files))) == []


@pytest.mark.parametrize("name", SAME_NAMES)
def test_a_name_that_two_classes_may_share_is_shared(name: str) -> None:
    places = [place for place in rules.places_of_classes(ROOT)[name] if place.startswith(SAME_NAMES[name])]

    assert len(places) == 2


# -- measuring


def test_each_package_depends_on_the_packages_that_it_imports(tmp_path: Path) -> None:
    files = {
        "bot/app.py": "from bot.web import pages, forms\nimport state",
        "bot/web/__init__.py": "from . import pages",
    }

    assert dependencies(tree(tmp_path, files), "bot") == {"app": {"web"}, "web": set()}


def test_nodes_of_two_cycles_are_two_groups() -> None:
    graph = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}, "e": {"a"}}

    assert sorted(map(sorted, cycles(graph))) == [["a", "b"], ["c", "d"]]


def test_the_figures_are_those_of_the_tree() -> None:
    figures = rules.figures(ROOT)

    assert f"packages and entry points in bot: {sum(map(len, LEVELS['bot']))}\n" in figures

"""What each package may import: one table, which the test reads and the pictures are drawn from.

.venv/bin/python -m tests.repository.architecture     redraws the pictures in docs/architecture.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class TopLevelModule:
    """A top-level package or module. It may import itself, `may_import`, the standard library and `libraries`.

    `libraries` None means any; `forbidden` names modules of the standard library that it may not import.
    """

    about: str
    may_import: tuple[str, ...] = ()
    libraries: tuple[str, ...] | None = ()
    forbidden: tuple[str, ...] = ()


TOP_LEVEL = {
    "wsgi": TopLevelModule("the WSGI application", may_import=("bot",)),
    "bot": TopLevelModule(
        "HTTP, providers, jobs",
        may_import=("flows", "state", "marketplace_api", "locales"),
        libraries=None,
    ),
    "flows": TopLevelModule(
        "what is asked next",
        libraries=("transitions", "phonenumbers", "rapidfuzz", "msgspec", "anyascii"),
        # a dialogue is pure: it is given the marketplace, the time and random numbers
        forbidden=(
            *("asyncio", "http", "io", "os", "pathlib", "shutil", "socket", "sqlite3", "ssl", "subprocess"),
            *("tempfile", "threading", "urllib", "random", "secrets", "time", "uuid"),
        ),
    ),
    "state": TopLevelModule(
        "what is kept between hops",
        libraries=("sqlalchemy", "sqlalchemy_utc", "psycopg", "redis", "hiredis", "msgspec", "argon2"),
    ),
    "marketplace_api": TopLevelModule(
        "products, orders, money",
        libraries=(
            *("flask", "apiflask", "werkzeug", "pydantic", "pydantic_core"),
            *("sqlalchemy", "sqlalchemy_utc", "transitions", "babel"),
        ),
    ),
    "locales": TopLevelModule("the words people read", libraries=("gettext", "babel")),
}

LEVELS = {
    "bot": (
        {"cli": "administration commands"},
        {"playground": "the whole service in one process", "villages": "a shop for one tester"},
        {"worker": "sends texts and runs jobs", "server": "the process tree"},
        {"app": "the Flask application", "migrations": "the schema's history"},
        {"simulator": "carriers, wallet, page", "installation": "checks, backups"},
        {"demo": "demo and bulk data"},
        {"services": "what a process shares"},
        {
            "conversation": "one hop in, one reply out",
            "web": "pages and operator endpoints",
            "persons": "a person's data",
        },
        {"notifications": "events to texts", "photos": "photos of products"},
        {"messaging": "outgoing messages", "payments": "payouts", "webhooks": "events to endpoints"},
        {"providers": "SMS, USSD, mobile money", "marketplace": "local or remote", "jobs": "job runner, scheduler"},
        {"db": "engine, unit of work", "runtime": "settings, clock, logs"},
    ),
    "marketplace_api": (
        {"rest": "the HTTP API"},
        {"accounts": "artisans, API keys, help requests"},
        {"orders": "orders, briefs, receiving"},
        {"kiosks": "kiosks, their cash"},
        {"payments": "ledger, payouts", "catalogue": "products, photos, search"},
        {"events": "what happened, for consumers and webhooks"},
        {
            "fields": "checks of what is typed",
            "idempotency": "one answer for a repeated request",
            "locks": "row locks",
        },
        {"problems": "refusals as HTTP answers"},
        {"shop": "one transaction in the shop", "lifecycles": "statuses and moves", "schemas": "what the API shows"},
        {"models": "tables"},
        {
            "refused": "refusals",
            "codes": "typed codes",
            "countries": "codes of countries",
            "statuses": "statuses",
            "event_order": "order in which events are read",
            "event_types": "types of events",
            "actors": "who acts",
            "backoff": "gaps between attempts",
            "shares": "a price split in two",
        },
    ),
}
"""The packages and modules directly in a top-level package, with what each is; the highest level first.

Each may import those on lower levels, and none on its own level.
"""

ENTRY_POINTS = ("app", "server", "services", "worker")
"""The modules directly in `bot`; everything else there is in a package."""

PROVIDERS = "bot.providers"
DECLARATION = "PROVIDER"
"""A module of `PROVIDERS` that assigns this name is a provider's adapter."""
USERS_OF_ADAPTERS = ("bot.providers.registry", "bot.simulator")

DRAWN = re.compile(r"<!-- (modules|packages|shop) -->\n(.*?)<!-- /\1 -->", re.DOTALL)
"""The pictures in docs/architecture.md, each between two comments."""


def pictures() -> dict[str, str]:
    """The top-level modules with their imports, and the levels in two of them, for docs/architecture.md."""
    return {"modules": _top_level(), "packages": _packages(LEVELS["bot"]), "shop": _packages(LEVELS["marketplace_api"])}


def _top_level() -> str:
    boxes = [f'    {name}["<b>{name}</b><br/>{_label(module)}"]' for name, module in TOP_LEVEL.items()]
    arrows = [f"    {name} --> {to}" for name, module in TOP_LEVEL.items() for to in module.may_import]
    return _mermaid("flowchart LR", *boxes, *arrows)


def _label(module: TopLevelModule) -> str:
    if not module.libraries:
        return module.about
    return f"{module.about}<br/><small>{', '.join(module.libraries)}</small>"


def _packages(levels: tuple[dict[str, str], ...]) -> str:
    lines = [line for number, parts in enumerate(levels) for line in _level(number, parts)]
    arrows = [f"    level{number} --> level{number + 1}" for number in range(len(levels) - 1)]
    return _mermaid("flowchart TB", *lines, *arrows)


def _level(number: int, parts: dict[str, str]) -> list[str]:
    boxes = [f'        {name}["<b>{name}</b><br/>{about}"]' for name, about in parts.items()]
    return [f'    subgraph level{number}[" "]', *boxes, "    end"]


def _mermaid(*lines: str) -> str:
    return "\n".join(["```mermaid", *lines, "```", ""])


def draw(page: str, drawn: Mapping[str, str]) -> str:
    """The page with its pictures redrawn."""
    return DRAWN.sub(lambda found: f"<!-- {found[1]} -->\n{drawn[found[1]]}<!-- /{found[1]} -->", page)


if __name__ == "__main__":
    page = ROOT / "docs/architecture.md"
    page.write_text(draw(page.read_text(), pictures()))
    from tests.repository import rules

    sys.stdout.write(rules.figures(ROOT))

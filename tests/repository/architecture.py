"""What each part of the tree may import: one table, for the test and for the pictures.

.venv/bin/python -m tests.repository.architecture     draws the pictures in docs/architecture.md anew
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Room:
    """A top-level package or module. It imports itself, `rooms`, the standard library and `libraries`.

    `libraries` None means any; `forbidden` names modules of the standard library that this room may not import.
    """

    about: str
    rooms: tuple[str, ...] = ()
    libraries: tuple[str, ...] | None = ()
    forbidden: tuple[str, ...] = ()


ROOMS = {
    "wsgi": Room("the WSGI application", rooms=("bot",)),
    "bot": Room(
        "HTTP, providers, jobs",
        rooms=("flows", "state", "marketplace_api", "locales"),
        libraries=None,
    ),
    "flows": Room(
        "what is asked next",
        libraries=("transitions", "phonenumbers", "rapidfuzz", "msgspec", "anyascii"),
        # a dialogue is pure: it is given the marketplace, the time and random numbers
        forbidden=(
            *("asyncio", "http", "io", "os", "pathlib", "shutil", "socket", "sqlite3", "ssl", "subprocess"),
            *("tempfile", "threading", "urllib", "random", "secrets", "time", "uuid"),
        ),
    ),
    "state": Room(
        "what is kept between hops",
        libraries=("sqlalchemy", "sqlalchemy_utc", "redis", "msgspec", "argon2"),
    ),
    "marketplace_api": Room(
        "products, orders, money",
        libraries=(
            *("flask", "apiflask", "werkzeug", "pydantic", "pydantic_core"),
            *("sqlalchemy", "sqlalchemy_utc", "transitions"),
        ),
    ),
    "locales": Room("the words people read", libraries=("gettext", "babel")),
}

LEVELS = {
    "bot": (
        {"cli": "administration commands"},
        {"playground": "the whole service in one process"},
        {"worker": "sends texts and runs jobs", "server": "the process tree"},
        {"app": "the Flask application", "demo": "demo and bulk data", "migrations": "the schema's history"},
        {"simulator": "carriers, wallet, page"},
        {"services": "what a process shares"},
        {"conversation": "one hop in, one reply out", "web": "pages and operator endpoints"},
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
        {"fields": "checks of what is typed", "idempotency": "one answer for a repeated request"},
        {"shop": "one transaction in the shop", "lifecycles": "statuses and moves", "schemas": "what the API shows"},
        {"models": "tables", "problems": "refusals as HTTP answers"},
        {"refused": "refusals", "codes": "typed codes", "statuses": "statuses", "event_types": "types of events"},
    ),
}
"""The parts of a room with what each is, the highest level first.

A part imports parts that stand lower, and none that stands beside it.
"""

ENTRY_POINTS = ("app", "server", "services", "worker")
"""The modules directly in `bot`; everything else there is in a package."""

PROVIDERS = "bot.providers"
DECLARATION = "PROVIDER"
"""A module of `PROVIDERS` that assigns this name is a provider's adapter."""
USERS_OF_ADAPTERS = ("bot.providers.registry", "bot.simulator")

DRAWN = re.compile(r"<!-- (rooms|packages|shop) -->\n(.*?)<!-- /\1 -->", re.DOTALL)
"""The pictures in docs/architecture.md, each between two comments."""


def pictures() -> dict[str, str]:
    """The rooms with what they import, and the parts of two of them by level, as they stand in docs/architecture.md."""
    return {"rooms": _rooms(), "packages": _packages(LEVELS["bot"]), "shop": _packages(LEVELS["marketplace_api"])}


def _rooms() -> str:
    boxes = [f'    {name}["<b>{name}</b><br/>{_label(room)}"]' for name, room in ROOMS.items()]
    arrows = [f"    {name} --> {to}" for name, room in ROOMS.items() for to in room.rooms]
    return _mermaid("flowchart LR", *boxes, *arrows)


def _label(room: Room) -> str:
    return f"{room.about}<br/><small>{', '.join(room.libraries)}</small>" if room.libraries else room.about


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
    """The page with its pictures drawn anew."""
    return DRAWN.sub(lambda found: f"<!-- {found[1]} -->\n{drawn[found[1]]}<!-- /{found[1]} -->", page)


if __name__ == "__main__":
    page = ROOT / "docs/architecture.md"
    page.write_text(draw(page.read_text(), pictures()))
    from tests.repository import rules

    sys.stdout.write(rules.figures(ROOT))

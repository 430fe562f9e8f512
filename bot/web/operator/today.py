"""*Today*: orders, money, texts, requests for help and incidents, in parts that refresh themselves.

GET /operator/today           the page
GET /operator/today/<part>    one part of it, alone
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, render_template
from sqlalchemy.engine import make_url

from bot.runtime.settings import Settings
from bot.web.operator import today_figures
from bot.web.operator.access import reading, resources
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop

today = Blueprint("today", __name__)

REFRESH_S: Mapping[str, int] = {"incidents": 20, "help": 20, "orders": 30, "money": 60, "texts": 60}
"""The parts, in the order in which they are shown, and how often each refreshes itself, in seconds."""


@today.get("/today")
def page() -> str:
    with reading() as shop:
        return render_template("today.html", parts=[_part(shop, name) for name in REFRESH_S], every_s=60)


@today.get("/today/<name>")
def part(name: str) -> str:
    if name not in REFRESH_S:
        abort(404)
    with reading() as shop:
        return _part(shop, name)


def _part(shop: Shop, name: str) -> str:
    """One part as HTML."""
    figures = FIGURES[name](shop)
    return render_template(
        f"today/{name}.html",
        figures=figures,
        name=name,
        every_s=REFRESH_S[name],
        money=lambda amount: Money(amount=amount, currency=shop.terms.currency),
        waited=lambda at: waited(shop.now - at),
    )


def waited(time: timedelta) -> str:
    """`3 days`, `2 hours` or `5 minutes`, rounded down."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if count := time // length:
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "less than a minute"


def folders(settings: Settings) -> list[Path]:
    """The folders that grow: that of the photos, and that of an SQLite database."""
    file = make_url(settings.database_url).database if settings.database_url.startswith("sqlite:") else None
    return [Path(settings.photos_dir), *([Path(file).parent] if file else [])]


FIGURES: Mapping[str, Callable[[Shop], Any]] = {
    "incidents": lambda shop: today_figures.incidents(shop, folders(resources().settings)),
    "help": today_figures.help_waiting,
    "orders": today_figures.orders,
    "money": today_figures.money,
    "texts": today_figures.texts,
}

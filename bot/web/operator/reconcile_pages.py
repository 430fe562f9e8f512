"""A provider's statement against our books, by uploading its file. Nothing of the file is stored.

GET  /operator/money/reconcile    the form
POST /operator/money/reconcile    the differences in words; rows that are not in our books can be entered from there
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from babel.numbers import get_currency_precision
from flask import Blueprint, render_template, request

from bot.payments import collector_books, collector_statements, payout_books, reconciliation
from bot.payments.collector_books import COLLECTORS, DifferenceKind
from bot.payments.reconciliation import UnreadableStatementError
from bot.providers import registry
from bot.web.operator import statement_rows
from bot.web.operator.access import operator, reading, resources
from marketplace_api.payments import ledger
from marketplace_api.shop import Shop

reconciling = Blueprint("reconciling", __name__)

NO_FILE = "Please choose the file that you exported from the provider's portal."
NO_PROVIDER = "Please choose whose statement it is."
NO_DAY = "This is no day. Leave it empty for all days of the file."
NO_DAYS = "The file has no days. Choose the day that it is about."
ADVICE: Mapping[DifferenceKind, tuple[str, str]] = {
    "missing": ("Missing in their statement", "Ask the provider. If the money never moved, give nothing out for it."),
    "extra": (
        "Missing in our books",
        "Look on the page Money for a payment to decide on, and for money that belongs to no order.",
    ),
    "different": ("Another amount", "Somebody must decide what came: see the payments on the page Money."),
    "fee": ("Another fee", "They kept another fee than we entered."),
    "not entered": ("Not entered yet", "Fees, top-ups and withdrawals that are not in our books. Enter them below."),
}
"""By kind of difference: its title, and what to do."""


@dataclass(frozen=True, slots=True)
class Group:
    """Differences of one kind, in words."""

    title: str
    advice: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class StatementResult:
    """What agrees, in words, and what does not. `rows` are those that can be entered, as a form carries them."""

    days: tuple[date, date]
    agrees: str
    groups: Sequence[Group]
    aside: Sequence[str] = field(default=())
    rows: str = ""
    row_count: int = 0
    account: str = ""


class _NotReadError(Exception):
    """The form or the file cannot be used; the message is for the operator."""


@reconciling.get("/money/reconcile")
def page() -> str:
    return render_template("reconcile.html", sources=_sources(), chosen="", day="", refused=None, result=None)


@reconciling.post("/money/reconcile")
def compare() -> tuple[str, int]:
    chosen, day, file = request.form.get("source", ""), request.form.get("day", ""), request.files.get("file")
    result, refused = None, None
    try:
        if chosen not in _sources():
            raise _NotReadError(NO_PROVIDER)
        if file is None or not file.filename:
            raise _NotReadError(NO_FILE)
        kind, _, name = chosen.partition(":")
        text = reconciliation.text_of(file.read())
        with reading() as shop:
            result = _COMPARE[kind](shop, name, text, _day(day))
    except _NotReadError as error:
        refused = str(error)
    except UnreadableStatementError as error:
        refused = f"{file.filename if file else ''}: {error}. Nothing was compared."
    html = render_template(
        "reconcile.html",
        sources=_sources(),
        chosen=chosen,
        day=day,
        refused=refused,
        result=result,
        file=file.filename if file else "",
        may_enter=operator().may("money_acts.act"),
    )
    return html, 422 if refused else 200


def _sources() -> Mapping[str, str]:
    """Whose statements can be compared, by the value of the form; the simulator in development only."""
    payers = [*(provider.name for provider in registry.PROVIDERS if provider.payer), "simulator"]
    found = {
        **{f"collector:{name}": f"{name}: what buyers paid" for name in COLLECTORS},
        **{f"payer:{name}": f"{name}: what artisans were paid" for name in dict.fromkeys(payers)},
    }
    is_shown = resources().settings.development
    return {value: words for value, words in found.items() if is_shown or not value.endswith(":simulator")}


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise _NotReadError(NO_DAY) from None


def _of_collector(shop: Shop, collector: str, text: str, day: date | None) -> StatementResult:
    lines = collector_statements.read(text, shop.terms.zone, shop.terms.currency)
    days = _days(day, collector_statements.days(lines))
    found = collector_books.compare(shop, collector, lines, *days)
    account = ledger.collector_account(collector)
    differences = list(collector_books.differences(shop, found, account))
    rows = list(collector_books.not_entered(shop, found, account))
    paid = sum(line.kind == "paid_in" for _, line in found.matched)
    words: dict[DifferenceKind, list[str]] = {kind: [] for kind in ADVICE}
    for difference in differences:
        words[difference.kind].append(difference.words)
    return StatementResult(
        days,
        f"{paid} paid in and {len(found.matched) - paid} given back are the same by both.",
        [Group(*ADVICE[kind], lines) for kind, lines in words.items() if lines],
        [collector_books.words_of(line) for line in found.other],
        statement_rows.pack(rows[: statement_rows.MOST]) if rows else "",
        len(rows),
        account,
    )


def _of_payer(shop: Shop, provider: str, text: str, day: date | None) -> StatementResult:
    currency = shop.terms.currency
    statement = reconciliation.read(text, get_currency_precision(currency), shop.terms.zone)
    days = _days(day, statement.days())
    found = reconciliation.compare(payout_books.ours(shop, provider, *days), statement, *days)
    total = payout_books.money(sum(payout.amount for payout, _ in found.matched), currency)
    lines: Mapping[DifferenceKind, list[str]] = {
        "missing": [payout_books.missing_words(payout, currency) for payout in found.missing],
        "extra": [payout_books.extra_words(payment, currency) for payment in found.extra],
        "different": [payout_books.different_words(*pair, currency) for pair in found.different],
    }
    aside = [f"{statement.skipped} charges, money received, or payments that were not completed"]
    return StatementResult(
        days,
        f"{len(found.matched)} payouts, {total}, are the same by both.",
        [Group(ADVICE[kind][0], PAYOUT_ADVICE[kind], words) for kind, words in lines.items() if words],
        aside if statement.skipped else (),
    )


PAYOUT_ADVICE: Mapping[DifferenceKind, str] = {
    "missing": "We have them as paid. Ask the provider whether they arrived.",
    "extra": "They paid them, and we do not have them as paid. Ask the provider who asked for them.",
    "different": "They paid another amount than we asked for. Ask the provider.",
}


def _days(day: date | None, of_file: tuple[date, date] | None) -> tuple[date, date]:
    days = (day, day) if day else of_file
    if days is None:
        raise _NotReadError(NO_DAYS)
    return days


_COMPARE: Mapping[str, Callable[[Shop, str, str, date | None], StatementResult]] = {
    "collector": _of_collector,
    "payer": _of_payer,
}

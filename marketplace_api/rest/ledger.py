"""The ledger API: the audit, an artisan's statement, a kiosk's float and its days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from apiflask import APIBlueprint

from marketplace_api.accounts import artisans
from marketplace_api.fields import Body, CashMove, LateModel, Line, Moment
from marketplace_api.kiosks import activity, cash_float, kiosks
from marketplace_api.payments import audit, statements
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.snapshots import snapshot
from marketplace_api.schemas.money import Money

blueprint = APIBlueprint("books", __name__, tag="Books")  # the name is part of the operation ids


class Period(LateModel):
    """From `since` on, before `until`; either may be left out."""

    since: Moment | None = None
    until: Moment | None = None


class StatementLine(LateModel):
    """An entry in the artisan's account; `order` and `payout` are codes.

    `what` is the kind of entry: `earned` by goods received; `sent`, a payout is being paid; `back`, it was not paid;
    `collected` in cash; `paid` by an operator elsewhere; `reversal` of an entry; or `opening` of the ledger. Positive
    amounts are in the artisan's favour.
    """

    at: datetime
    what: str
    note: str
    order: str | None
    payout: str | None
    amount: Money
    balance: Money

    @classmethod
    def of(cls, line: statements.StatementEntry) -> Self:
        return cls(
            at=line.at,
            what=line.what,
            note=line.note,
            order=line.subject.order,
            payout=line.subject.payout,
            amount=_money(line.amount),
            balance=_money(line.balance),
        )


class Statement(LateModel):
    """The amount owed to an artisan at the beginning of the period, each entry in it, and the amount owed at its end.

    While a payout is `sent` it does not count as owed. A negative amount was paid to the artisan in advance.
    """

    artisan_id: str
    opening: Money
    lines: list[StatementLine]
    closing: Money


class Float(LateModel):
    """The marketplace's cash in a kiosk's drawer; negative if the agent has paid out own money."""

    kiosk_id: str
    float: Money


class FloatIn(Body):
    """The cash that an operator put into the drawer, or took out of it, and the reason."""

    amount: CashMove
    note: Line


class AuditResult(LateModel):
    """A condition on the money. If it does not hold, `detail` has a sentence for each inconsistency."""

    name: str
    ok: bool
    detail: str

    @classmethod
    def of(cls, check: audit.AuditCheck) -> Self:
        return cls(name=check.name, ok=not check.inconsistencies, detail="; ".join(check.inconsistencies))


class Audit(LateModel):
    """The result of all conditions; `ok` if each of them holds."""

    ok: bool
    checks: list[AuditResult]


class KioskDay(LateModel):
    """A day at a kiosk: pieces received, payouts in cash, and the float at its end, or so far today."""

    kiosk_id: str
    day: date
    pieces_received: int
    cash_payouts: int
    cash_paid: Money
    float: Money


@blueprint.get("/ledger/check")
@requires("money")
@blueprint.output(Audit)
def check_ledger() -> Audit:
    """Add up all entries again and compare them with payouts and orders, as `ledger check` does."""
    with snapshot() as shop:
        checks = audit.checks(shop)
    return Audit(
        ok=not any(check.inconsistencies for check in checks), checks=[AuditResult.of(check) for check in checks]
    )


@blueprint.get("/artisans/<id:artisan_id>/statement")
@requires("money", refusals=(409,))
@blueprint.input(Period, location="query")
@blueprint.output(Statement)
def get_statement(artisan_id: str, query_data: Period) -> Statement:
    """Show an artisan's statement, oldest line first; a thousand lines at most."""
    artisan = artisans.by_id(shop(), artisan_id)
    statement = statements.of_artisan(shop(), artisan, query_data.since, query_data.until)
    return Statement(
        artisan_id=artisan.id,
        opening=_money(statement.opening),
        lines=[StatementLine.of(line) for line in statement.lines],
        closing=_money(statement.closing),
    )


@blueprint.get("/kiosks/<id:kiosk_id>/float")
@requires("kiosks")
@blueprint.output(Float)
def get_float(kiosk_id: str) -> Float:
    """Show a kiosk's float."""
    return _float(kiosk_id)


@blueprint.post("/kiosks/<id:kiosk_id>/float")
@requires("kiosks", refusals=(409,))
@idempotent
@blueprint.input(FloatIn)
@blueprint.output(Float, 201)
def change_float(kiosk_id: str, json_data: FloatIn) -> Float:
    """Record cash handed over to a kiosk or, as a negative amount, taken back; returns the float afterwards."""
    cash_float.record_cash(shop(), kiosks.by_id(shop(), kiosk_id), json_data.amount.minor_units(), json_data.note)
    return _float(kiosk_id)


@blueprint.get("/kiosks/<id:kiosk_id>/days/<day:day>")
@requires("kiosks")
@blueprint.output(KioskDay)
def get_kiosk_day(kiosk_id: str, day: date) -> KioskDay:
    """Show a day at a kiosk, in the shop's time zone."""
    kiosk = kiosks.by_id(shop(), kiosk_id)
    sums = activity.cash_day(shop(), kiosk, day)
    return KioskDay(
        kiosk_id=kiosk.id,
        day=day,
        pieces_received=sums.pieces,
        cash_payouts=sums.payouts,
        cash_paid=_money(sums.paid),
        float=_money(sums.float),
    )


def _float(kiosk_id: str) -> Float:
    cash = cash_float.balance(shop(), kiosks.by_id(shop(), kiosk_id))
    return Float(kiosk_id=kiosk_id, float=_money(cash))


def _money(amount: int) -> Money:
    return Money(amount=amount, currency=shop().terms.currency)

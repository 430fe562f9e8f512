"""`/storefronts`: on which terms the keys of storefronts order, what they owe us, and what they have settled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from apiflask import APIBlueprint
from pydantic import BeforeValidator, Field, StrictBool

from marketplace_api.accounts import api_keys
from marketplace_api.fields import Body, ExpectedTotal, LateModel, Line, Price, whole
from marketplace_api.payments import statements, storefronts
from marketplace_api.refused import Refused
from marketplace_api.rest.access import caller, requires, sees_all, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.ledger import Period
from marketplace_api.schemas.money import Money
from marketplace_api.schemas.storefronts import Settlement, StorefrontTerms

blueprint = APIBlueprint("storefronts", __name__, tag="Storefronts")


class StorefrontTermsIn(Body):
    """Whether a key may vouch, the most that it may owe us (null: no limit), and in how many days it settles."""

    may_vouch: StrictBool
    credit: ExpectedTotal | None
    settle_days: Annotated[int, Field(ge=1, le=365), BeforeValidator(whole)] = storefronts.SETTLE_DAYS


class StorefrontStatementLine(LateModel):
    """An entry in the account of a storefront. Positive amounts are what it owes us more, negative ones what less.

    `what` is the kind of entry: `vouched` for an order; `credit`, a credit note, because an order costs less or has
    ended; `settled`, it paid; `opening`, from before orders had purses; or `reversal` of an entry. `order` is the code
    of the order, `external_ref` the storefront's reference of it, and `reference` that of the settlement.
    """

    at: datetime
    what: str
    note: str
    order: str | None
    external_ref: str | None
    reference: str | None
    amount: Money
    balance: Money

    @classmethod
    def of(cls, line: statements.StatementEntry) -> Self:
        return cls(
            at=line.at,
            what=line.what,
            note=line.note,
            order=line.subject.order,
            external_ref=line.subject.external_ref,
            reference=line.subject.settlement,
            amount=_money(line.amount),
            balance=_money(line.balance),
        )


class StorefrontStatement(LateModel):
    """What a storefront owes us at the beginning of the period, each entry in it, and what it owes at its end."""

    key_id: str
    opening: Money
    lines: list[StorefrontStatementLine]
    closing: Money


class SettlementIn(Body):
    """What a storefront paid to our bank account, and the reference of the payment."""

    amount: Price
    reference: Line


@blueprint.get("/storefronts/<id:key_id>/terms")
@requires("money")
@blueprint.output(StorefrontTerms)
def get_terms(key_id: str) -> StorefrontTerms:
    """Show the terms of a key, by the id that `apikey list` shows."""
    return StorefrontTerms.of(storefronts.terms_of(shop(), _known(key_id)), _owed(key_id))


@blueprint.put("/storefronts/<id:key_id>/terms")
@requires("money", refusals=(409,))
@blueprint.input(StorefrontTermsIn)
@blueprint.output(StorefrontTerms)
def set_terms(key_id: str, json_data: StorefrontTermsIn) -> StorefrontTerms:
    """Set the terms of a key. Orders that it has placed are not changed."""
    credit = json_data.credit.minor_units() if json_data.credit else None
    terms = storefronts.set_terms(
        shop(), _known(key_id), may_vouch=json_data.may_vouch, credit=credit, settle_days=json_data.settle_days
    )
    return StorefrontTerms.of(terms, _owed(key_id))


@blueprint.get("/storefronts/<id:key_id>/statement")
@requires("storefront", "money", refusals=(409,))
@blueprint.input(Period, location="query")
@blueprint.output(StorefrontStatement)
def get_storefront_statement(key_id: str, query_data: Period) -> StorefrontStatement:
    """Show what a storefront owes us, oldest line first; a thousand lines at most. A storefront sees its own."""
    if not sees_all("money") and key_id != caller().id:
        raise Refused("unknown_key", 404)
    statement = statements.of_storefront(shop(), _known(key_id), query_data.since, query_data.until)
    return StorefrontStatement(
        key_id=key_id,
        opening=_money(statement.opening),
        lines=[StorefrontStatementLine.of(line) for line in statement.lines],
        closing=_money(statement.closing),
    )


@blueprint.post("/storefronts/<id:key_id>/settlements")
@requires("money", refusals=(409,))
@idempotent
@blueprint.input(SettlementIn)
@blueprint.output(Settlement, 201)
def settle(key_id: str, json_data: SettlementIn) -> Settlement:
    """Record that a storefront paid what it owes, or a part of it. What it paid too much counts for later orders."""
    amount = json_data.amount.minor_units()
    settlement = storefronts.settle(shop(), _known(key_id), amount, json_data.reference)
    return Settlement.of(settlement, _owed(key_id))


def _known(key_id: str) -> str:
    """The id of a key, revoked or not; `Refused` with `unknown_key` if there was never such a key."""
    return api_keys.by_id(shop(), key_id).id


def _owed(key_id: str) -> Money:
    return _money(storefronts.owes(shop(), key_id))


def _money(amount: int) -> Money:
    return Money(amount=amount, currency=shop().terms.currency)

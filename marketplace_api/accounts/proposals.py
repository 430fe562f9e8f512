"""Acts on money that need two operators: the first proposes, a second approves or refuses.

    propose(shop, Proposed(...))    stored for `STANDS`; nothing is done yet
    decide(shop, id, "approved")    by another operator

A proposal does nothing by itself. Who approves it does the act in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import exists, select

from marketplace_api import locks
from marketplace_api.accounts import operators
from marketplace_api.models import ConsoleOperator, MoneyProposal
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import OperatorRole

STANDS = timedelta(hours=24)
"""How long a proposal can be approved."""
Decision = Literal["approved", "refused"]
MAY_PROPOSE: tuple[OperatorRole, ...] = ("all", "money")


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is proposed: see `models.MoneyProposal`."""

    act: str
    about: str
    typed: Mapping[str, str]
    effects: Sequence[str]
    digest: str
    amount: int | None


def propose(shop: Shop, proposed: Proposed) -> MoneyProposal:
    """Store what `shop.by` proposes; if the same is proposed already, that proposal."""
    for known in waiting(shop):
        if (known.act, known.about, known.typed, known.digest) == (
            *(proposed.act, proposed.about, proposed.typed, proposed.digest),
        ):
            return known
    proposal = MoneyProposal(
        id=shop.ids.new_id("prp"),
        act=proposed.act,
        about=proposed.about,
        typed=dict(proposed.typed),
        effects=list(proposed.effects),
        digest=proposed.digest,
        amount=proposed.amount,
        status="open",
        proposed_by=str(shop.by),
        created_at=shop.now,
        expires_at=shop.now + STANDS,
    )
    shop.session.add(proposal)
    shop.session.flush()
    operators.log(
        shop,
        "money.proposed",
        proposed.about,
        after={"proposal": proposal.id, "act": proposed.act, "effects": list(proposed.effects)},
    )
    return proposal


def by_id(shop: Shop, proposal_id: str) -> MoneyProposal:
    """The proposal, or `Refused` with `unknown_proposal`."""
    proposal = shop.session.get(MoneyProposal, proposal_id)
    if proposal is None:
        raise Refused("unknown_proposal", 404)
    return proposal


def waiting(shop: Shop) -> Sequence[MoneyProposal]:
    """The proposals that can be decided now, oldest first."""
    found = select(MoneyProposal).where(MoneyProposal.status == "open", MoneyProposal.expires_at > shop.now)
    return shop.session.scalars(found.order_by(MoneyProposal.expires_at, MoneyProposal.id)).all()


def check(shop: Shop, proposal: MoneyProposal, decision: Decision) -> None:
    """`Refused` if `shop.by` cannot decide so now: with `proposal_decided` or `proposal_expired`.

    To approve it is refused also with `own_proposal`, and with `proposal_void` if who proposed it may not act on money
    any more. Who proposed it can refuse it.
    """
    if proposal.status != "open":
        raise Refused("proposal_decided", current=proposal.status)
    if proposal.expires_at <= shop.now:
        raise Refused("proposal_expired")
    if decision == "refused":
        return
    if proposal.proposed_by == str(shop.by):
        raise Refused("own_proposal", 403)
    first = (
        ConsoleOperator.name == proposal.proposed_by.partition(":")[2],
        ConsoleOperator.role.in_(MAY_PROPOSE),
        ConsoleOperator.revoked_at.is_(None),
    )
    if not shop.session.scalar(select(exists().where(*first))):
        raise Refused("proposal_void")


def decide(shop: Shop, proposal_id: str, decision: Decision) -> MoneyProposal:
    """Store the decision of `shop.by`; `Refused` as by `check`, or with `unknown_proposal`."""
    proposal = locks.take_one(shop, MoneyProposal, MoneyProposal.id == proposal_id)
    if proposal is None:
        raise Refused("unknown_proposal", 404)
    check(shop, proposal, decision)
    proposal.status, proposal.decided_by, proposal.decided_at = decision, str(shop.by), shop.now
    shop.session.flush()
    if decision == "refused":
        operators.log(shop, "money.refused", proposal.about, after={"proposal": proposal.id, "act": proposal.act})
    return proposal

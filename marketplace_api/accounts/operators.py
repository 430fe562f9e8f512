"""People who use the console: invitations, log-ins, sessions, and the log of what they did.

    invite(shop, "Grace", "desk")          the token of a link, good for `INVITED_FOR` and one use
    open_session(shop, operator)           the token of a session
    find_session(session, token, now)      the session, while it is valid

A token is shown once; only its hash is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from marketplace_api import locks
from marketplace_api.accounts.api_keys import digest
from marketplace_api.models import ConsoleOperator, OperatorAct, OperatorInvitation, OperatorPasskey, OperatorSession
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import OperatorRole

INVITED_FOR = timedelta(days=1)
IDLE_FOR = timedelta(minutes=30)
"""A session that its operator has not used for this long is over."""
LONGEST = timedelta(hours=12)
"""A session is over after this time."""
SEEN_NOTED_EVERY = timedelta(minutes=1)
"""The last use of a session is written at most this often, so that not every page becomes a write."""
TOKEN_LENGTH = 40
"""Characters of 5.17 bits."""


def invite(shop: Shop, name: str, role: OperatorRole) -> str:
    """Add an operator, and return the token of the link with which the first log-in is set up.

    An operator who has not set one up gets the new role and link; the link before is void. `Refused` with
    `operator_known` if the operator can log in already.
    """
    operator = locks.take_one(shop, ConsoleOperator, ConsoleOperator.name == name, ConsoleOperator.revoked_at.is_(None))
    if operator is None:
        operator = ConsoleOperator(id=shop.ids.new_id("opr"), name=name, role=role, created_at=shop.now)
        shop.session.add(operator)
        shop.session.flush()
    elif can_log_in(shop, operator):
        raise Refused("operator_known", name=name)
    operator.role = role
    shop.session.execute(delete(OperatorInvitation).where(OperatorInvitation.operator_id == operator.id))
    token = shop.ids.token(TOKEN_LENGTH)
    shop.session.add(OperatorInvitation(hash=digest(token), operator_id=operator.id, expires_at=shop.now + INVITED_FOR))
    shop.session.flush()
    log(shop, "operator.invited", operator.id, after={"name": name, "role": role})
    return token


def can_log_in(shop: Shop, operator: ConsoleOperator) -> bool:
    """True if the operator has a passkey or one-time codes."""
    has_passkey = exists().where(OperatorPasskey.operator_id == operator.id)
    return operator.code_secret is not None or bool(shop.session.scalar(select(has_passkey)))


def invited(session: Session, token: str, now: datetime) -> ConsoleOperator | None:
    """The operator whom this link invites; None if there is no such link, or it was used or is too old."""
    found = session.get(OperatorInvitation, digest(token))
    is_valid = found and found.used_at is None and found.expires_at > now and found.operator.revoked_at is None
    return found.operator if found and is_valid else None


def use_invitation(shop: Shop, token: str) -> ConsoleOperator | None:
    """Spend the link; its operator, or None if it is not valid any more."""
    operator = invited(shop.session, token, shop.now)
    unused = OperatorInvitation.hash == digest(token), OperatorInvitation.used_at.is_(None)
    spent = shop.session.execute(update(OperatorInvitation).where(*unused).values(used_at=shop.now))
    return operator if spent.rowcount == 1 else None  # type: ignore[attr-defined]


def add_passkey(shop: Shop, operator: ConsoleOperator, id: str, public_key: str) -> None:
    """Let the operator log in by this passkey."""
    shop.session.add(
        OperatorPasskey(id=id, operator_id=operator.id, public_key=public_key, created_at=shop.now, operator=operator)
    )
    shop.session.flush()
    log(shop, "operator.passkey_added", operator.id)


def set_codes(shop: Shop, operator: ConsoleOperator, secret: str, step: int) -> None:
    """Let the operator log in by one-time codes of this encrypted secret; the code of `step` was used."""
    operator.code_secret, operator.code_step = secret, step
    shop.session.flush()
    log(shop, "operator.codes_set", operator.id)


def by_name(shop: Shop, name: str) -> ConsoleOperator | None:
    """The operator in use with this name, locked; None if there is none."""
    return locks.take_one(shop, ConsoleOperator, ConsoleOperator.name == name, ConsoleOperator.revoked_at.is_(None))


def passkey(shop: Shop, id: str) -> OperatorPasskey | None:
    """The passkey with this id; None if there is none, or its operator was revoked."""
    found = shop.session.get(OperatorPasskey, id)
    return found if found and found.operator.revoked_at is None else None


def open_session(shop: Shop, operator: ConsoleOperator, way: str) -> str:
    """Log the operator in, by `way`; returns the token of the session."""
    token = shop.ids.token(TOKEN_LENGTH)
    shop.session.add(
        OperatorSession(hash=digest(token), operator_id=operator.id, created_at=shop.now, seen_at=shop.now)
    )
    shop.session.flush()
    log(shop, "operator.logged_in", operator.id, after={"way": way})
    return token


def find_session(session: Session, token: str, now: datetime) -> OperatorSession | None:
    """The session that has this token; None if it is over, or its operator was revoked."""
    found = session.get(OperatorSession, digest(token))
    if found is None or found.ended_at or found.operator.revoked_at:
        return None
    is_valid = found.seen_at > now - IDLE_FOR and found.created_at > now - LONGEST
    return found if is_valid else None


def note_seen(session: Session, found: OperatorSession, now: datetime) -> None:
    """Store that the session was used at this time."""
    open_one = OperatorSession.hash == found.hash, OperatorSession.ended_at.is_(None)
    session.execute(update(OperatorSession).where(*open_one).values(seen_at=now))


def end_session(shop: Shop, token: str) -> None:
    """Log out."""
    this_one = OperatorSession.hash == digest(token), OperatorSession.ended_at.is_(None)
    shop.session.execute(update(OperatorSession).where(*this_one).values(ended_at=shop.now))


def list_all(shop: Shop) -> Sequence[ConsoleOperator]:
    """All operators, also revoked ones, oldest first."""
    return shop.session.scalars(select(ConsoleOperator).order_by(ConsoleOperator.created_at, ConsoleOperator.id)).all()


def open_sessions(shop: Shop, operator: ConsoleOperator) -> Sequence[OperatorSession]:
    """The operator's sessions that are valid now, newest first."""
    valid = (
        OperatorSession.operator_id == operator.id,
        OperatorSession.ended_at.is_(None),
        OperatorSession.seen_at > shop.now - IDLE_FOR,
        OperatorSession.created_at > shop.now - LONGEST,
    )
    newest_first = select(OperatorSession).where(*valid).order_by(OperatorSession.seen_at.desc())
    return [] if operator.revoked_at else shop.session.scalars(newest_first).all()


def revoke(shop: Shop, name_or_id: str) -> ConsoleOperator:
    """End all sessions and log-ins of an operator at once. `Refused` with `unknown_operator`."""
    named = or_(ConsoleOperator.id == name_or_id, ConsoleOperator.name == name_or_id)
    operator = locks.take_one(shop, ConsoleOperator, named, ConsoleOperator.revoked_at.is_(None))
    if operator is None:
        raise Refused("unknown_operator", 404, name=name_or_id)
    operator.revoked_at = shop.now
    of_operator = OperatorSession.operator_id == operator.id, OperatorSession.ended_at.is_(None)
    shop.session.execute(update(OperatorSession).where(*of_operator).values(ended_at=shop.now))
    shop.session.flush()
    log(shop, "operator.revoked", operator.id, after={"name": operator.name})
    return operator


def log(
    shop: Shop,
    act: str,
    about: str | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write into the audit log that `shop.by` did this, in the same transaction."""
    shop.session.add(
        OperatorAct(
            at=shop.now,
            by=str(shop.by),
            act=act,
            about=about,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
        )
    )
    shop.session.flush()


def acts_about(shop: Shop, about: str) -> Sequence[OperatorAct]:
    """What operators did to this, oldest first."""
    return shop.session.scalars(select(OperatorAct).where(OperatorAct.about == about).order_by(OperatorAct.id)).all()

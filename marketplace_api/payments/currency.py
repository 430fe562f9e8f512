"""The shop's currency: stored at the first start, and the same at every later one."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace_api.models import ShopCurrency
from marketplace_api.refused import Refused

_ID = 1  # of the one row


def keep(session: Session, currency: str) -> None:
    """Store the currency; `Refused` with `wrong_currency` if another one was stored before.

    Amounts are stored as numbers of minor units, so with another currency all of them would change their meaning.
    """
    stored = session.get(ShopCurrency, _ID)
    if stored is None:
        # another process that starts at the same time waits here, and then fails on the key
        with suppress(IntegrityError), session.begin_nested():
            session.execute(insert(ShopCurrency).values(id=_ID, currency=currency))
        stored = session.get_one(ShopCurrency, _ID)
    if stored.currency != currency:
        raise Refused("wrong_currency", 422, currency=currency, kept=stored.currency)

"""One-time codes for cash at the kiosk. The database holds a keyed hash of a code, and never the code.

Code number 2 of a payout is made from the shop's key, the payout's id and the 2. So the shop can tell the present code
to the payout's artisan, and nobody can read it in the database (docs/adr/0031).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError

from marketplace_api.models import Payout
from marketplace_api.shop import ONE_TIME_DIGITS, Shop

_MOST_TRIED = 1000


def hash_of(key: bytes, code: str) -> str:
    """What is stored of a code: HMAC-SHA256 with the shop's key, in hexadecimal digits."""
    return _digest(key, f"hash of cash code {code}").hex()


def candidates(shop: Shop, payout_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """The columns of the codes of a payout that follow code number `after`. Each may be the code of another payout."""
    key = shop.terms.code_keys[0]
    for number in range(after + 1, after + 1 + _MOST_TRIED):
        yield {
            "cash_code_hash": hash_of(key, _code(key, payout_id, number)),
            "cash_code_number": number,
            "cash_code_made_at": shop.now,
        }


def give(shop: Shop, payout: Payout) -> None:
    """Give the payout its next code that no other waiting payout has. The code before it is void."""
    shop.session.flush()
    for columns in candidates(shop, payout.id, payout.cash_code_number):
        if shop.session.scalar(select(exists().where(Payout.cash_code_hash == columns["cash_code_hash"]))):
            continue
        # another transaction may take the code after the check; then only the savepoint is rolled back
        with suppress(IntegrityError), shop.session.begin_nested():
            for name, value in columns.items():
                setattr(payout, name, value)
            shop.session.flush()
            return
    raise RuntimeError("no free cash code found")


def present(shop: Shop, payout: Payout) -> str | None:
    """The code under which the payout waits, for its artisan alone.

    None if the payout does not wait for cash, or if its code was made with a key that is no longer known.
    """
    made = ((key, _code(key, payout.id, payout.cash_code_number)) for key in shop.terms.code_keys)
    return next((code for key, code in made if payout.cash_code_hash == hash_of(key, code)), None)


def hashes_of(shop: Shop, code: str) -> list[str]:
    """What may be stored of a code that is typed at a kiosk."""
    return [hash_of(key, code) for key in shop.terms.code_keys]


def _code(key: bytes, payout_id: str, number: int) -> str:
    drawn = int.from_bytes(_digest(key, f"cash code {number} of {payout_id}")) % 10**ONE_TIME_DIGITS
    return f"{drawn:0{ONE_TIME_DIGITS}}"


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), sha256)

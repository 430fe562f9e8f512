"""How artisans log in on the web: a one-time code by text, and sessions. Of both, the database has hashes alone.

code = offer_code(shop, artisan)              texted to the phone of the artisan by the caller
redeem_code(shop, artisan, "493027")          True once, and only for the last code that was offered
open_session(shop, artisan)                   the token of a session, for a cookie
find_session(session, token, now)             the session, while it is valid
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from marketplace_api import locks
from marketplace_api.accounts.api_keys import digest
from marketplace_api.models import Artisan, ArtisanLogIn, ArtisanSession
from marketplace_api.shop import Shop

CODE_HOLDS = timedelta(minutes=10)
TRIES = 5
"""How many codes may be typed for one that was offered."""
IDLE_FOR = timedelta(days=14)
"""A session that was not used for this long is over."""
LONGEST = timedelta(days=90)
"""A session is over after this time."""
SEEN_NOTED_EVERY = timedelta(hours=1)
"""The last use of a session is written at most this often, so that not every page becomes a write."""
TOKEN_LENGTH = 40
"""Characters of 5.17 bits."""


def offer_code(shop: Shop, artisan: Artisan) -> str:
    """A new code for the artisan; the one before it is void."""
    code, log_in = shop.ids.one_time_code(), _lock(shop, artisan)
    if log_in is None:
        log_in = ArtisanLogIn(artisan_id=artisan.id)
        shop.session.add(log_in)
    log_in.hash, log_in.tries = _hash(shop.terms.code_keys[0], artisan, code), 0
    log_in.expires_at = shop.now + CODE_HOLDS
    shop.session.flush()
    return code


def redeem_code(shop: Shop, artisan: Artisan, code: str) -> bool:
    """True if this is the code that was offered last, and is still valid; then it is spent. Else a try is counted."""
    log_in = _lock(shop, artisan)
    if log_in is None or log_in.expires_at <= shop.now or log_in.tries >= TRIES:
        return False
    log_in.tries += 1
    is_right = any(hmac.compare_digest(_hash(key, artisan, code), log_in.hash) for key in shop.terms.code_keys)
    if is_right:
        shop.session.delete(log_in)
    shop.session.flush()
    return is_right


def open_session(shop: Shop, artisan: Artisan) -> str:
    """Log the artisan in; returns the token of the session. Sessions that are over are deleted."""
    token = shop.ids.token(TOKEN_LENGTH)
    is_over = or_(
        ArtisanSession.ended_at.is_not(None),
        ArtisanSession.seen_at <= shop.now - IDLE_FOR,
        ArtisanSession.created_at <= shop.now - LONGEST,
    )
    shop.session.execute(delete(ArtisanSession).where(ArtisanSession.artisan_id == artisan.id, is_over))
    shop.session.add(ArtisanSession(hash=digest(token), artisan_id=artisan.id, created_at=shop.now, seen_at=shop.now))
    shop.session.flush()
    return token


def find_session(session: Session, token: str, now: datetime) -> ArtisanSession | None:
    """The session that has this token; None if it is over, or its artisan has left."""
    found = session.get(ArtisanSession, digest(token))
    if found is None or found.ended_at or found.artisan.status != "active":
        return None
    is_valid = found.seen_at > now - IDLE_FOR and found.created_at > now - LONGEST
    return found if is_valid else None


def note_seen(session: Session, found: ArtisanSession, now: datetime) -> None:
    """Store that the session was used at this time."""
    open_one = ArtisanSession.hash == found.hash, ArtisanSession.ended_at.is_(None)
    session.execute(update(ArtisanSession).where(*open_one).values(seen_at=now))


def end_session(shop: Shop, token: str) -> None:
    """Log out on this phone."""
    this_one = ArtisanSession.hash == digest(token), ArtisanSession.ended_at.is_(None)
    shop.session.execute(update(ArtisanSession).where(*this_one).values(ended_at=shop.now))


def end_all(shop: Shop, artisan_id: str) -> None:
    """Log out everywhere."""
    of_artisan = ArtisanSession.artisan_id == artisan_id, ArtisanSession.ended_at.is_(None)
    shop.session.execute(update(ArtisanSession).where(*of_artisan).values(ended_at=shop.now))


def _lock(shop: Shop, artisan: Artisan) -> ArtisanLogIn | None:
    """The artisan's code, under the lock of the artisan."""
    locks.take_one(shop, Artisan, Artisan.id == artisan.id)
    return shop.session.get(ArtisanLogIn, artisan.id, populate_existing=True)


def _hash(key: bytes, artisan: Artisan, code: str) -> str:
    return hmac.digest(key, f"log-in code of {artisan.id}: {code}".encode(), sha256).hex()

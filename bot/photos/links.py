"""Links by which an artisan sends pictures of a product from a browser, without a name or a password.

    https://soko.example/p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT
                           code  when  signature

Whoever has the link may add a picture to that one product for some weeks, and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner
from itsdangerous.signer import HMACAlgorithm

from bot.messaging import rendering
from bot.messaging.queue import REPLY, NewMessage
from flows.dialogues import photo
from flows.kit import LONG_SMS, Screen, versions
from flows.market import ProductSummary

GOOD_FOR = timedelta(days=90)
SIGNATURE_BYTES = 12
"""96 bits, as 16 letters: long enough that nobody guesses one, short enough for a text."""


class _Short(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]


class _Signer(TimestampSigner):
    """Signs at a time that is handed in."""

    def __init__(self, secret: bytes, now: datetime) -> None:
        super().__init__(secret, salt=b"photo", algorithm=_Short(hashlib.sha256), digest_method=hashlib.sha256)
        self._now = now

    def get_timestamp(self) -> int:
        return int(self._now.timestamp())


class WrongLink(Exception):  # noqa: N818 - said of what somebody opened
    """A link that we never gave, or gave too long ago: then `code` says for which product."""

    def __init__(self, code: str | None = None) -> None:
        super().__init__("no such link" if code is None else "an old link")
        self.code = code


@dataclass(frozen=True, slots=True)
class PhotoLinks:
    """The links of one shop: `url` is how the outside reaches it, without a slash at the end."""

    url: str
    secret: bytes

    def link(self, code: str, now: datetime) -> str:
        """The address for pictures of the product with this code; it ends in a letter or figure, `-` or `_`."""
        return f"{self.url}/p/{_Signer(self.secret, now).sign(code).decode()}"

    def code(self, token: str, now: datetime) -> str:
        """The product that the last part of a link is for; raises WrongLink."""
        try:
            return _Signer(self.secret, now).unsign(token, max_age=int(GOOD_FOR.total_seconds())).decode()
        except SignatureExpired as expired:
            raise WrongLink((expired.payload or b"").decode()) from None
        except BadSignature:
            raise WrongLink from None


def text(product: ProductSummary, link: str, msisdn: str, language: str, key: str) -> NewMessage:
    """A text with the link, in the same words as where it is the answer to a text."""
    words = rendering.words(language)
    fields = {"title": product.title, "product": product.code, "link": link}
    bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(photo.LINK)]
    return NewMessage(
        key, msisdn, Screen(bodies).render(LONG_SMS), language, topic="reply", about=product.code, priority=REPLY
    )

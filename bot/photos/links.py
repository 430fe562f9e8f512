"""Signed links to the page where an artisan uploads pictures of a product, without a password.

    https://soko.example/p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT
                           code  time  signature

Any person who has the link can add pictures to this product until the link expires, and do nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner
from itsdangerous.signer import HMACAlgorithm

from bot.messaging import rendering
from bot.messaging.queue import NewMessage, Priority
from flows.dialogues import photo
from flows.kit import LONG_SMS, Screen, versions
from flows.market import ProductSummary

VALID_FOR = timedelta(days=90)
SIGNATURE_BYTES = 12
"""96 bits, written as 16 characters: too many to guess, and short enough for a text."""


class _TruncatedHMAC(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]


class _Signer(TimestampSigner):
    """A signer whose time is a parameter."""

    def __init__(self, keys: Sequence[bytes], now: datetime) -> None:
        algorithm = _TruncatedHMAC(hashlib.sha256)
        # the last key signs
        super().__init__(reversed(keys), salt=b"photo", algorithm=algorithm, digest_method=hashlib.sha256)
        self._now = now

    def get_timestamp(self) -> int:
        return int(self._now.timestamp())


class InvalidLinkError(Exception):
    """The link is not valid. `code` is the product's code if the link has expired, and None if it is forged."""

    def __init__(self, code: str | None = None) -> None:
        super().__init__("no such link" if code is None else "an old link")
        self.code = code


@dataclass(frozen=True, slots=True)
class PhotoLinks:
    """Makes and checks links; `url` is the public URL of the service, without a slash at the end.

    The first of `keys` signs new links; links signed with another one are valid too.
    """

    url: str
    keys: Sequence[bytes] = field(repr=False)

    def link(self, code: str, now: datetime) -> str:
        """The URL for pictures of the product with this code; its last character is a letter, a digit, `-` or `_`."""
        return f"{self.url}/p/{_Signer(self.keys, now).sign(code).decode()}"

    def product_code(self, token: str, now: datetime) -> str:
        """The code of the product that a link is for; `token` is its last part. Raises InvalidLinkError."""
        try:
            return _Signer(self.keys, now).unsign(token, max_age=int(VALID_FOR.total_seconds())).decode()
        except SignatureExpired as expired:
            raise InvalidLinkError((expired.payload or b"").decode()) from None
        except BadSignature:
            raise InvalidLinkError from None


def link_message(product: ProductSummary, link: str, msisdn: str, language: str, key: str) -> NewMessage:
    """The message with the link, in the words of the dialogue that answers the keyword PHOTO."""
    words = rendering.words(language)
    fields = {"title": product.title, "product": product.code, "link": link}
    bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(photo.LINK)]
    return NewMessage(
        key,
        msisdn,
        Screen(tuple(bodies)).render(LONG_SMS),
        language,
        topic="reply",
        about=product.code,
        priority=Priority.REPLY,
    )

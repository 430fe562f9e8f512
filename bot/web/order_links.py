"""Links to the secret page of an order. Nothing is stored: a link is the order's id and our signature.

    https://soko.example/o/4k2x9…mF3kz1Pq0vXw2LrT
                           id    signature

Anybody who has the link can see the order, pay for it, and cancel it while that is possible.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

PREFIX = "ord_"
"""Of the ids of orders; a link leaves it out."""
SIGNATURE_BYTES = 16
SIGNATURE_LENGTH = 22
"""Characters of a signature in base64url: 128 bits, too many to guess."""


class InvalidOrderLinkError(Exception):
    """We did not make this link."""


@dataclass(frozen=True, slots=True)
class OrderLinks:
    """Makes and checks links; `url` is the public URL of the service, without a slash at the end.

    The first of `keys` signs new links; links signed with another one are valid too.
    """

    url: str
    keys: Sequence[bytes] = field(repr=False)

    def link(self, order_id: str) -> str:
        """The URL of the page of an order."""
        return f"{self.url}/o/{self.token(order_id)}"

    def token(self, order_id: str) -> str:
        """The last part of the link: letters, digits, `-` and `_`."""
        return order_id.removeprefix(PREFIX) + _signature(self.keys[0], order_id)

    def order_id(self, token: str) -> str:
        """The id of the order that a link is for; `token` is its last part. Raises InvalidOrderLinkError."""
        order_id, signature = PREFIX + token[:-SIGNATURE_LENGTH], token[-SIGNATURE_LENGTH:].encode()
        for key in self.keys:
            if hmac.compare_digest(_signature(key, order_id).encode(), signature):
                return order_id
        raise InvalidOrderLinkError


def _signature(key: bytes, order_id: str) -> str:
    digest = hmac.digest(key, b"page of the order " + order_id.encode(), "sha256")
    return urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode().rstrip("=")

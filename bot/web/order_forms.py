"""Tokens of order forms: each shows that our page made the form, for one product, and is good for one order.

forms.token("K7P4", key, now)           goes into the form as a hidden field
forms.key(token, "K7P4", now)           the key, under which the order is placed once
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer

VALID_FOR = timedelta(days=1)


class InvalidFormError(Exception):
    """We did not make the form, not for this product, or it is too old."""


@dataclass(frozen=True, slots=True)
class OrderForms:
    """Makes and checks tokens; `url` is the public URL of the service.

    The first of `keys` signs new tokens; those signed with another one are valid too.
    """

    keys: Sequence[bytes] = field(repr=False)
    url: str

    def token(self, code: str, key: str, now: datetime) -> str:
        """The token of a form for the product with this code. `key` is different for each form."""
        return str(self._serializer().dumps([code, key, int(now.timestamp())]))

    def key(self, token: str, code: str, now: datetime) -> str:
        """The key of a form for this product. Raises InvalidFormError."""
        try:
            made_for, key, made_at = self._serializer().loads(token)
        except BadData:
            raise InvalidFormError from None
        if made_for != code or now.timestamp() - made_at > VALID_FOR.total_seconds():
            raise InvalidFormError
        return str(key)

    def is_ours(self, origin: str | None, host: str) -> bool:
        """True if a browser says that one of our pages sent the form, or says nothing.

        Our pages are those under `url`, and under the host name of the request.
        """
        if origin is None:
            return True
        return origin == _origin(self.url) or urlsplit(origin).netloc == host

    def _serializer(self) -> URLSafeSerializer:
        last_signs = list(reversed(self.keys))
        return URLSafeSerializer(last_signs, salt="soko.order_form", signer_kwargs={"digest_method": hashlib.sha256})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

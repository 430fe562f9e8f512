"""Keeps one-time codes out of the database: a stored text has `******` in place of a code, which is sealed beside it.

    sealed = Seal(keys).close("Show your code: 673966.", ["673966"], "evt_1:art_1")
    sealed.text                                         Show your code: ******.
    Seal(keys).open(sealed.text, sealed.codes)        Show your code: 673966.

The seal is erased when the text has left (`state.messages`). Without the service's keys it gives no code away.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256

log = logging.getLogger(__name__)

MASK = "*"


@dataclass(frozen=True, slots=True)
class SealedText:
    """A text without its codes; `codes` is None if there were none, else what opens it."""

    text: str
    codes: str | None


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals codes of digits with the first of its keys, which are not in the database, and opens with any."""

    keys: tuple[bytes, ...] = field(repr=False)

    def close(self, text: str, codes: Collection[str], nonce: str) -> SealedText:
        """The text with its codes sealed. Two different texts must not be sealed under one nonce."""
        written = "|".join(sorted({re.escape(code) for code in codes if code}))
        found = list(re.finditer(rf"(?<!\d)(?:{written})(?!\d)", text)) if written else []
        if not found:
            return SealedText(text, None)
        key, name = self.keys[0], sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        sealed = [f"{code.start()}:{_add(code[0], _pad(key, name, code.start()))}" for code in found]
        for code in found:
            text = text[: code.start()] + MASK * len(code[0]) + text[code.end() :]
        return SealedText(text, " ".join([_name(key), name, *sealed]))

    def open(self, text: str, codes: str | None) -> str:
        """The text as it was before `close`; unchanged if nothing is sealed, or no longer, or with an unknown key."""
        if not codes:
            return text
        key_name, name, *sealed = codes.split(" ")
        key = next((key for key in self.keys if _name(key) == key_name), None)
        if key is None:
            log.error("the code in a text was sealed with a key that is not known")
            return text
        for start, digits in (part.split(":") for part in sealed):
            code = _add(digits, -_pad(key, name, int(start)))
            text = text[: int(start)] + code + text[int(start) + len(code) :]
        return text


def _name(key: bytes) -> str:
    return sha256(b"name of a key: " + key).hexdigest()[:8]


def _pad(key: bytes, name: str, start: int) -> int:
    """A number for this text and place that cannot be guessed without the key; it is used once."""
    return int.from_bytes(hmac.digest(key, f"seal {name} {start}".encode(), sha256))


def _add(digits: str, pad: int) -> str:
    """As many digits: the sum without what is carried beyond them."""
    return f"{(int(digits) + pad) % 10 ** len(digits):0{len(digits)}}"

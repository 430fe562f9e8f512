"""Pseudonyms: what stands for the phone number of an erased person, so that rows of one person stay together."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256

PREFIX = "erased-"


def pseudonym(secret: bytes, msisdn: str, is_taken: Callable[[str], bool]) -> str:
    """A name made from the number with a key, so that nobody without the key can try all numbers.

    A person who came back after an erasure gets another one: the first that is not taken.
    """
    times = 0
    while True:
        digest = hmac.digest(secret, f"erased person {times}: {msisdn}".encode(), sha256).hex()[:20]
        if not is_taken(name := PREFIX + digest):
            return name
        times += 1

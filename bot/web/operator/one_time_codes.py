"""One-time codes of an authenticator app (RFC 6238): the second way to log in, which needs no JavaScript.

The secret is stored encrypted, with a key that is not in the database. A code is good once.
"""

from __future__ import annotations

import time
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Sequence
from hmac import compare_digest

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.runtime.keys import hkdf

SECRET_BYTES = 20
"""As RFC 4226 recommends."""
STEP_S = 30
DRIFT = 1
"""How many steps the clock of a phone may be early or late."""
ISSUER = "Soko"

machine_time = time.time
"""The clock of the phone with the app cannot be moved, so that of the service is not asked."""


def secret_for(token: str, key: bytes) -> str:
    """The secret that the page of an invitation shows, in base32: the same each time that it is opened."""
    return b32encode(hkdf(key, salt=b"invitation", info=token.encode(), length=SECRET_BYTES)).decode()


def link(secret: str, name: str) -> str:
    """The `otpauth:` link with which an app on the same phone takes the secret."""
    return pyotp.TOTP(secret, name=name, issuer=ISSUER).provisioning_uri()


def step_of(secret: str, code: str, after: int | None) -> int | None:
    """The time step of a right code that is newer than the step `after`; None for a wrong code, or a used one."""
    typed, now = "".join(code.split()), int(machine_time()) // STEP_S
    totp = pyotp.TOTP(secret, interval=STEP_S)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if compare_digest(totp.generate_otp(step).encode(), typed.encode()) and (after is None or step > after):
            return step
    return None


def encrypt(secret: str, keys: Sequence[bytes]) -> str:
    """The secret as it is stored, with the first of the keys."""
    return _ciphers(keys).encrypt(secret.encode()).decode()


def decrypt(stored: str, keys: Sequence[bytes]) -> str | None:
    """The secret; None if none of the keys opens it, because SECRET_KEY was replaced since the last log-in."""
    try:
        return _ciphers(keys).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _ciphers(keys: Sequence[bytes]) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

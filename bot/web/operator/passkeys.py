"""Passkeys (WebAuthn): what the browser is asked, and how its answer is checked.

A challenge is kept in the signed cookie of the form, is good for `ASKED_FOR`, and once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from flask import request, session

from bot.web.operator.access import resources
from marketplace_api.accounts import operators
from marketplace_api.models import ConsoleOperator
from marketplace_api.shop import Shop
from state import budgets
from state.budgets import Use

ASKED_FOR = timedelta(minutes=5)
NAME = "Soko"
_STATE = "passkey"


class InvalidPasskeyError(Exception):
    """The browser's answer is not one to our question, is too old, or is not signed by the passkey."""


def registration_options(operator: ConsoleOperator, now: datetime) -> dict[str, Any]:
    """What the browser is asked to make a new passkey, as JSON of `navigator.credentials.create`."""
    user = PublicKeyCredentialUserEntity(id=operator.id.encode(), name=operator.name, display_name=operator.name)
    options, state = _server().register_begin(
        user,
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _keep(state, now)
    return dict(options.public_key)


def register(shop: Shop, operator: ConsoleOperator, answer: Mapping[str, Any]) -> None:
    """Let the operator log in by the passkey that the browser has made. Raises InvalidPasskeyError."""
    state = _take(shop)
    try:
        made = _server().register_complete(state, answer).credential_data
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidPasskeyError(str(error)) from error
    if made is None:
        raise InvalidPasskeyError("it has no credential")
    operators.add_passkey(shop, operator, websafe_encode(made.credential_id), websafe_encode(bytes(made)))


def log_in_options(now: datetime) -> dict[str, Any]:
    """What the browser is asked to use a passkey of ours, as JSON of `navigator.credentials.get`."""
    options, state = _server().authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    _keep(state, now)
    return dict(options.public_key)


def check(shop: Shop, answer: Mapping[str, Any]) -> ConsoleOperator:
    """The operator whose passkey has signed the answer. Raises InvalidPasskeyError."""
    state, passkey = _take(shop), operators.passkey(shop, str(answer.get("id")))
    if passkey is None:
        raise InvalidPasskeyError("the passkey is unknown")
    credential = AttestedCredentialData(websafe_decode(passkey.public_key))
    try:
        _server().authenticate_complete(state, [credential], answer)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidPasskeyError(str(error)) from error
    passkey.last_used_at = shop.now
    return passkey.operator


def _server() -> Fido2Server:
    """A passkey belongs to the host of `PUBLIC_URL`; in development to that under which the page was opened."""
    settings = resources().settings
    host = urlsplit(f"//{request.host}" if settings.development else settings.url).hostname or ""
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name=NAME))


def _keep(state: Mapping[str, Any], now: datetime) -> None:
    session[_STATE] = {**state, "at": now.timestamp()}


def _take(shop: Shop) -> Mapping[str, Any]:
    """The question that was asked last; it is never taken again, not even with a copy of the cookie."""
    state = session.pop(_STATE, None)
    if state is None or shop.now.timestamp() - state.pop("at") > ASKED_FOR.total_seconds():
        raise InvalidPasskeyError("nothing was asked")
    name = f"passkey:{sha256(str(state['challenge']).encode()).hexdigest()}"
    kept_s = 2 * ASKED_FOR.total_seconds()
    if budgets.spend(shop.session.connection(), Use(name, 1, kept_s), shop.now.timestamp()).total > 1:
        raise InvalidPasskeyError("the question was answered before")
    return state  # type: ignore[no-any-return]

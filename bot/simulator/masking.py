"""Masks PINs and one-time codes in the wire log, where the service itself masks them.

    text=2*1*1234                  ->  text=2*1*xxxx              the answer to a question for a secret
    1234                           ->  ****                       the same by text
    Show your code: 673966.        ->  Show your code: ******.    as the message is stored

What is secret is read from the conversation and the message that the service has stored. Of a call that it does not
know any more, each answer of as many digits as a PIN or a code is masked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from bot.conversation import session as sessions
from bot.conversation import ussd_text
from bot.runtime import logs
from bot.services import Services
from bot.simulator import wire
from bot.simulator.wire import Exchange
from state import messages

TYPED = "x"
"""Stands for each character of a secret that was typed in a call, where answers are joined by `*`."""
_LIKE_A_SECRET = re.compile(r"(?<![^*])\d{4,8}(?![^*])")
_LATEST = 20
"""Of so many messages of a phone, one is what was just sent."""
_WORDS = {"hop": ("text",), "end": ("input", "lastAppResponse"), "text": ("text", "Body"), "sms": ("message", "Body")}
"""The fields with words that people typed or read, by kind."""


def masked(services: Services, exchange: Exchange) -> Exchange:
    """The exchange without PINs and one-time codes."""
    fields, answer = wire.fields_of(exchange.body), logs.without_codes(exchange.answer)
    if exchange.kind not in _WORDS:
        return replace(exchange, body=logs.without_codes(exchange.body), answer=answer)
    words = {name: fields[name] for name in _WORDS[exchange.kind] if fields.get(name)}
    hidden = {name: _hidden(services, exchange, fields, name, text) for name, text in words.items()}
    if hidden == words:
        return replace(exchange, answer=answer)
    fields = {**fields, **hidden}
    summary = exchange.summary
    for name, text in words.items():
        summary = summary.replace(text, hidden[name])
    return replace(exchange, body=urlencode(fields), summary=summary, answer=answer, is_masked=True)


def _hidden(services: Services, exchange: Exchange, fields: Mapping[str, str], name: str, text: str) -> str:
    match exchange.kind:
        case "hop":
            return _call(services, exchange.phone, fields.get("sessionId", ""), text)
        case "end" if name == "input":
            return _call(services, exchange.phone, fields.get("sessionId", ""), text)
        case "text" | "sms":
            return logs.without_codes(_message(services, exchange, text))
    return logs.without_codes(text)


def _call(services: Services, msisdn: str, session_id: str, text: str) -> str:
    """All that was typed in a call, without its secrets."""
    session = sessions.read(services.sessions.load(msisdn, services.clock().timestamp()))
    call = session.call if session else None
    consumed = call.consumed[: len(text)] if call and call.id == session_id else ""
    if len(consumed) == len(text) and ussd_text.starts_with(text, consumed):
        return consumed.replace(ussd_text.MASK, TYPED)
    return _LIKE_A_SECRET.sub(lambda found: TYPED * len(found[0]), text)


def _message(services: Services, exchange: Exchange, text: str) -> str:
    """A text as the service has stored it, which masks what is secret in it."""
    with services.database.reading() as session:
        direction, phone = exchange.direction, exchange.phone
        latest = messages.history(session.connection(), phone, direction=direction, limit=_LATEST)
    return next((each.text for each in latest if _is_masked(each.text, text)), text)


def _is_masked(stored: str, text: str) -> bool:
    """True if `stored` is this text, perhaps with some characters masked."""
    return len(stored) == len(text) and all(kept in (char, "*") for kept, char in zip(stored, text, strict=True))

"""The networks that simulated phones are in: their operators' limits, the faults that strike, and the wire log.

network = Network(app, settings, clock, new_id, instruments)
network.choose("+254711000111", "safaricom")
network.dial("+254711000111")              raises CallDroppedError if the network drops the call
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urlencode

from sqlalchemy import delete, select, update
from werkzeug.test import TestResponse

from bot.providers import twilio
from bot.runtime.settings import Settings
from bot.simulator import acts, faults, wire
from bot.simulator.faults import FaultRule, Faults
from bot.simulator.gateway import POSTED_TO, WHATSAPP, CallDroppedError, Gateway, TextChannel, TextProvider, WebhookPost
from bot.simulator.operators import OPERATORS, SANDBOX, Operator
from bot.simulator.tables import simulated_call, simulated_phone
from bot.simulator.wallet import Transaction
from bot.simulator.wire import Wire
from state.tables import insert_new

AFRICASTALKING = "africastalking"
LATE_S = 30.0
"""How late a request comes that is delayed or overtaken, if its rule does not say it."""
TAKEN = 202
"""The status of a text that the network has taken and brings later."""
_SHOWN_HEADERS = ("Content-Type", "at-ussd-hop-metadata", "X-Twilio-Signature", "Stripe-Signature")


@dataclass(frozen=True, slots=True)
class Instruments:
    """What every simulated network and provider shares.

    `post_late` posts a request of a network after a number of seconds; `transaction` opens one on the database.
    """

    faults: Faults
    wire: Wire
    transaction: Callable[[], Transaction]
    post_late: Callable[[Mapping[str, Any], float], None]


@dataclass(frozen=True, slots=True)
class _CallSoFar:
    """A call before its next hop: how many hops were answered, and how long the text was."""

    started_at: datetime
    last_at: datetime
    hops: int = 0
    length: int = 0


class Network(Gateway):
    """Every simulated phone, each in the network of its operator. Phones without one are in `default_operator`."""

    def __init__(
        self,
        app: Any,
        settings: Settings,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        instruments: Instruments,
    ) -> None:
        super().__init__(app, settings, now, new_id)
        self._instruments = instruments
        self._last_hops: dict[str, WebhookPost] = {}
        self.default_operator = SANDBOX

    # Operators

    def choose(self, msisdn: str, operator: str) -> None:
        """Put a phone into the network of an operator. Raises KeyError for one that is not in `OPERATORS`."""
        name = OPERATORS[operator].name
        with self._instruments.transaction() as conn:
            if not insert_new(conn, simulated_phone, msisdn=msisdn, operator=name):
                conn.execute(update(simulated_phone).where(simulated_phone.c.msisdn == msisdn).values(operator=name))

    def operator(self, msisdn: str) -> Operator:
        """The operator of a phone."""
        chosen = select(simulated_phone.c.operator).where(simulated_phone.c.msisdn == msisdn)
        with self._instruments.transaction() as conn:
            return OPERATORS.get(conn.execute(chosen).scalar() or "", self.default_operator)

    def _network_code(self, msisdn: str) -> str:
        return self.operator(msisdn).network_code

    # Calls

    def post_ussd(self, session_id: str, msisdn: str, code: str, text: str) -> str:
        """Post one hop; returns what the phone shows, with `CON ` or `END `. Raises CallDroppedError."""
        operator, now = self.operator(msisdn), self._now()
        call = self._note_hop(session_id, msisdn, len(text))
        drop = partial(self._drop, session_id, msisdn, code, text)
        if call.hops and operator.is_over(now - call.started_at, now - call.last_at):
            drop()
        sent = text[call.length :].removeprefix("*") if operator.sends_last_answer else text
        hop = self._hop_request(session_id, msisdn, code, sent)
        with self._instruments.transaction() as conn:
            rule = faults.strike(conn, "hop", AFRICASTALKING, msisdn, partial(_is_due, call, now))
        before, self._last_hops[session_id] = self._last_hops.get(session_id), hop
        note_hop = partial(self._note, msisdn, *_typed(call, code, text))
        if rule and rule.fault == "delay":
            self._instruments.post_late(_as_payload(hop), rule.wait(LATE_S))
            drop()
        if rule and rule.fault == "drop":
            if rule.hops is None and rule.seconds is None:
                note_hop()
                self._post_hop(session_id, hop)  # it was answered, and the answer is lost
            drop()
        note_hop()
        screen = self._post_hop(session_id, hop)
        if rule and rule.fault == "repeat":
            screen = self.repeat()
        if rule and rule.fault == "reorder" and before:
            self._send(before)
        if not screen.startswith("CON "):
            self._forget(session_id, msisdn)
        return screen[:4] + operator.shown(screen[4:])

    def post_end(self, session_id: str, msisdn: str, code: str, text: str) -> None:
        """Report that the call was dropped."""
        self._forget(session_id, msisdn)
        self._note(msisdn, "drop")
        super().post_end(session_id, msisdn, code, text)

    def _drop(self, session_id: str, msisdn: str, code: str, text: str) -> NoReturn:
        self.post_end(session_id, msisdn, code, text)
        raise CallDroppedError

    def _note_hop(self, session_id: str, msisdn: str, length: int) -> _CallSoFar:
        """Count a hop; returns the call as it was before."""
        now = self._now()
        row = (simulated_call.c.id == session_id) & (simulated_call.c.msisdn == msisdn)
        with self._instruments.transaction() as conn:
            found = conn.execute(select(simulated_call).where(row)).one_or_none()
            if found is None:
                new = {"id": session_id, "msisdn": msisdn, "started_at": now, "last_at": now}
                insert_new(conn, simulated_call, **new, hops=1, length=length)
                return _CallSoFar(now, now)
            conn.execute(update(simulated_call).where(row).values(last_at=now, hops=found.hops + 1, length=length))
        return _CallSoFar(found.started_at, found.last_at, found.hops, found.length)

    def _forget(self, session_id: str, msisdn: str) -> None:
        self._last_hops.pop(session_id, None)
        row = (simulated_call.c.id == session_id) & (simulated_call.c.msisdn == msisdn)
        with self._instruments.transaction() as conn:
            conn.execute(delete(simulated_call).where(row))

    # Texts

    def text(
        self,
        msisdn: str,
        body: str,
        *,
        provider: TextProvider = "africastalking",
        channel: TextChannel = "sms",
        id: str | None = None,
    ) -> int:
        """Send a text; returns the HTTP status of the webhook's answer, or `TAKEN` if the text comes later."""
        by = "twilio" if channel == "whatsapp" else provider
        self._note(_noted(msisdn, channel), "text", body, channel="sms" if by == AFRICASTALKING else by)
        request = self._text_request(msisdn, body, provider, channel, id)
        rule = self._instruments.faults.strike("text", by, msisdn)
        if rule and rule.fault in ("delay", "reorder"):
            self._instruments.post_late(_as_payload(request), rule.wait(LATE_S))
            return TAKEN
        if rule:
            self._post(request)
        return self._post(request).status_code

    def picture(self, msisdn: str, body: str, *pictures: bytes, channel: TextChannel = "sms") -> int:
        """Send pictures as `Gateway.picture` does, and note it for the transcript."""
        self._note(_noted(msisdn, channel), "picture", body, channel=twilio.NAME)
        return super().picture(msisdn, body, *pictures, channel=channel)

    def _note(self, msisdn: str, act: acts.Kind, text: str = "", *, channel: str = "ussd") -> None:
        with self._instruments.transaction() as conn:
            acts.note(conn, self._now(), msisdn, act, text, channel=channel)

    # Requests

    def post_late(self, payload: Mapping[str, Any]) -> None:
        """Post a request that `Instruments.post_late` was given."""
        provider, path = payload["provider"], payload["path"]
        request = WebhookPost(f"/webhooks/{provider}/{path}", payload["fields"], payload["headers"])
        if provider == AFRICASTALKING:
            request = WebhookPost(self._africastalking(path, {}).path, payload["fields"], payload["headers"])
        self._send(request)

    def _send(self, post: WebhookPost) -> TestResponse:
        answer = super()._send(post)
        headers = {"Content-Type": "application/x-www-form-urlencoded", **post.headers}
        exchange = wire.exchange(
            "in",
            post.path.split("/")[2],
            "POST",
            post.path,
            urlencode(post.fields),
            status=answer.status_code,
            answer=answer.get_data(as_text=True),
            headers={name: headers[name] for name in _SHOWN_HEADERS if name in headers},
        )
        self._instruments.wire.record(replace(exchange, path=answer.headers.get(POSTED_TO, post.instead or post.path)))
        return answer


def _typed(call: _CallSoFar, code: str, text: str) -> tuple[acts.Kind, str]:
    """What a person did for a hop: they dialled, perhaps with answers after the code, or answered."""
    if call.hops:
        return "answer", text[call.length :].removeprefix("*")
    return "dial", f"{code.removesuffix('#')}*{text}#" if text else code


def _is_due(call: _CallSoFar, now: datetime, rule: FaultRule) -> bool:
    """Whether a rule may strike this hop; `drop` waits for its hops and seconds."""
    if rule.fault != "drop":
        return True
    if rule.hops is not None:
        return call.hops >= rule.hops
    return rule.seconds is None or (now - call.started_at).total_seconds() >= rule.seconds


def _as_payload(request: WebhookPost) -> Mapping[str, Any]:
    """A request as a job keeps it: without the secret of its path."""
    _, _, provider, *_, path = request.path.split("/")
    return {"provider": provider, "path": path, "fields": dict(request.fields), "headers": dict(request.headers)}


def _noted(msisdn: str, channel: TextChannel) -> str:
    """The number as a transcript has it: of WhatsApp with the prefix, since no transcript can play WhatsApp."""
    return f"{WHATSAPP}{msisdn}" if channel == "whatsapp" else msisdn

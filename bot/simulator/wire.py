"""The wire log: what the simulated networks and providers and our service said to each other, in development.

    GET /simulator/wire?since=41&phone=%2B254711000111&kind=hop
    200  {"data": [{"id": 42, "at": "…", "direction": "in", "kind": "hop", …}], "next": 42}

The newest `KEPT` exchanges are in the database, so that the requests of the web process and of the worker are in one
log. Secrets are masked before they are stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from sqlalchemy import Connection, delete, func, select

from bot.simulator.tables import simulated_wire
from bot.simulator.wallet import Transaction
from flows import gsm7
from flows.msisdn import is_e164

Direction = Literal["in", "out"]
"""`in` comes to our service, `out` leaves it."""
Kind = Literal[
    "hop", "end", "text", "sms", "report", "payment", "callback", "payout", "webhook", "order", "api", "other"
]
KEPT, SWEPT_EVERY, LONGEST_ANSWER = 2000, 100, 500
LONGEST_PART, LONGEST_SUMMARY = 16_384, 200
"""In characters: of a body that is kept, and of a summary."""
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("/ussd", "hop"),
    ("/ussd-events", "end"),
    ("/sms", "text"),
    ("/delivery", "report"),
    ("/status", "report"),
    ("/messaging", "sms"),
    ("/Messages.json", "sms"),
)
"""The kind of a request by the end of its path; the first that fits."""
_PHONE_FIELDS = ("phoneNumber", "from", "to", "PhoneNumber", "PartyB", "MSISDN")
_OF_DARAJA = re.compile(r"\b254\d{9}\b")
"""How a number is written in the bodies of Daraja, in which its field is not known."""
SECRET_PATH = re.compile(r"((?:/|%2F)webhooks(?:/|%2F)(?:africastalking|daraja)(?:/|%2F))[^/%\"&]+")
_SECRET_FIELD = re.compile(r'("(?:SecurityCredential|Password|access_token)": ?")[^"]*')
_SECRET_HEADERS = frozenset({"authorization", "apikey"})
MASK = "***"
API_CALL: Final = "api"
"""The kind of a call of our API, and what stands in place of a provider."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `phone` is empty if it concerns none; `status` is 0 if there was no answer."""

    direction: Direction
    kind: Kind
    provider: str
    phone: str
    summary: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: int = 200
    answer: str = ""
    at: datetime | None = None
    """When it was, if that is not now."""
    is_masked: bool = False
    """True if a PIN or a code is left out, so that the request cannot be sent again."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The log in the database. `secrets` are values that are masked wherever they stand."""

    transaction: Callable[[], Transaction]
    clock: Callable[[], datetime]
    secrets: Sequence[str] = ()
    without_codes: Callable[[Exchange], Exchange] = lambda exchange: exchange
    """Masks PINs and one-time codes."""

    def record(self, exchange: Exchange) -> None:
        """Mask an exchange and add it; of long bodies only the beginning is kept."""
        exchange = self._masked(exchange)
        noted = _noted.get()
        if noted is not None:
            noted.append(exchange)
        request = {
            "method": exchange.method,
            "path": exchange.path,
            "headers": exchange.headers,
            "body": exchange.body,
            **({"masked": True} if exchange.is_masked else {}),
        }
        response = {"status": exchange.status, "body": exchange.answer}
        with self.transaction() as conn:
            inserted = conn.execute(
                simulated_wire.insert().values(
                    at=exchange.at or self.clock(),
                    direction=exchange.direction,
                    kind=exchange.kind,
                    provider=exchange.provider,
                    phone=exchange.phone,
                    summary=exchange.summary,
                    request=json.dumps(request, ensure_ascii=False),
                    response=json.dumps(response, ensure_ascii=False),
                )
            )
            (seq,) = inserted.inserted_primary_key or (0,)
            if seq % SWEPT_EVERY == 0:
                conn.execute(delete(simulated_wire).where(simulated_wire.c.seq <= seq - KEPT))

    def _masked(self, exchange: Exchange) -> Exchange:
        """The exchange without secrets, PINs and one-time codes: everybody who shows it gets it from here."""
        exchange = self.without_codes(exchange)
        return replace(
            exchange,
            summary=self._without_secrets(exchange.summary)[:LONGEST_SUMMARY],
            path=self._without_secrets(exchange.path),
            headers={n: MASK if n.lower() in _SECRET_HEADERS else value for n, value in exchange.headers.items()},
            body=self._without_secrets(exchange.body)[:LONGEST_PART],
            answer=self._without_secrets(exchange.answer)[:LONGEST_PART],
        )

    def _without_secrets(self, text: str) -> str:
        text = text.replace("\0", "\ufffd")  # PostgreSQL stores no NUL
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return _SECRET_FIELD.sub(rf"\g<1>{MASK}", SECRET_PATH.sub(rf"\g<1>{MASK}", text))

    def read(self, since: int | datetime | None = None, phone: str = "", kind: str = "") -> list[dict[str, Any]]:
        """At most `LONGEST_ANSWER` exchanges, oldest first: the first after an id or a time, else the newest."""
        logged = select(simulated_wire)
        if phone:
            logged = logged.where(simulated_wire.c.phone == phone)
        if kind:
            logged = logged.where(simulated_wire.c.kind == kind)
        if since is None:
            newest = logged.order_by(simulated_wire.c.seq.desc()).limit(LONGEST_ANSWER)
        else:
            column = simulated_wire.c.seq if isinstance(since, int) else simulated_wire.c.at
            newest = logged.where(column > since).order_by(simulated_wire.c.seq).limit(LONGEST_ANSWER)
        with self.transaction() as conn:
            return sorted((_shown(row) for row in conn.execute(newest)), key=lambda exchange: exchange["id"])

    def find(self, id: int) -> dict[str, Any] | None:
        """The exchange with this id, or None."""
        with self.transaction() as conn:
            row = conn.execute(select(simulated_wire).where(simulated_wire.c.seq == id)).one_or_none()
        return None if row is None else _shown(row)


_noted: ContextVar[list[Exchange] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[Exchange]]:
    """The list of the exchanges that this context (the thread of one request) records until the block ends, masked."""
    noted: list[Exchange] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def newest(conn: Connection) -> int:
    """The id of the newest exchange; 0 if there is none."""
    return conn.execute(select(func.max(simulated_wire.c.seq))).scalar_one() or 0


def received(log: Wire) -> list[dict[str, str]]:
    """The fields of the texts that phones sent by Africa's Talking, oldest first; a repeated one once."""
    texts: dict[str, dict[str, str]] = {}
    since = 0
    while found := log.read(since, kind="text"):
        since = found[-1]["id"]
        for logged in found:
            fields = dict(parse_qsl(logged["request"]["body"], keep_blank_values=True))
            if logged["provider"] == "africastalking" and "id" in fields:
                texts.setdefault(fields["id"], fields)
    return list(texts.values())


def _shown(row: Any) -> dict[str, Any]:
    request = json.loads(row.request)
    return {
        "id": row.seq,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "direction": row.direction,
        "kind": row.kind,
        "provider": row.provider,
        "phone": row.phone,
        "summary": row.summary,
        "request": request,
        "response": json.loads(row.response),
    }


def curl(request: Mapping[str, Any], root: str) -> str:
    """The request as a command for a shell. A masked secret is to be filled in by who runs it."""
    path = request["path"]
    url = path if "://" in path else root + path  # one elsewhere is logged whole
    lines = [f"curl -X {request['method']} {_quoted(url)}"]
    lines += [f"-H {_quoted(f'{name}: {value}')}" for name, value in request["headers"].items()]
    if request["body"]:
        lines.append(f"--data-binary {_quoted(request['body'])}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"


# What an exchange is about


def exchange(
    direction: Direction,
    provider: str,
    method: str,
    path: str,
    body: str,
    *,
    status: int,
    answer: str,
    headers: Mapping[str, str],
    at: datetime | None = None,
) -> Exchange:
    """An exchange with its kind, phone and summary, which are read from the request and its answer."""
    kind, fields = _kind(direction, provider, path), fields_of(body)
    phone = _phone(direction, provider, fields, body)
    summary = _summary(kind, fields, status, answer)
    if kind == "api":
        summary = f"{method} {path} -> {f'HTTP {status}' if status else 'no answer'}"
    return Exchange(direction, kind, provider, phone, summary, method, path, headers, body, status, answer, at)


def phone_of(direction: Direction, provider: str, body: str) -> str:
    """The MSISDN of the phone that a request concerns, empty if it concerns none."""
    return _phone(direction, provider, fields_of(body), body)


def _kind(direction: Direction, provider: str, path: str) -> Kind:
    if provider == API_CALL:
        return API_CALL
    kind = next((kind for end, kind in _KINDS if path.endswith(end)), None)
    if kind or provider not in ("daraja", "stripe"):
        return kind or "other"
    return "callback" if direction == "in" else "payment"


def fields_of(body: str) -> Mapping[str, str]:
    """The fields of a form, or of a JSON object; only those that are text or numbers."""
    if not body.startswith("{"):
        return dict(parse_qsl(body, keep_blank_values=True))
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in read.items() if isinstance(value, str | int)}


def _phone(direction: Direction, provider: str, fields: Mapping[str, str], body: str) -> str:
    names = _twilio_fields(direction, fields) if provider == "twilio" else _PHONE_FIELDS
    # our sender id is in `from` of what we send, and our short code is in `to` of what we get
    wanted = [name for name in names if name != ("from" if direction == "out" else "to")]
    written = next((fields[name] for name in wanted if fields.get(name)), "")
    number = written.partition(",")[0].removeprefix("whatsapp:").strip()
    if not number:
        number = _anywhere(provider, body)
    return f"+{number.removeprefix('+')}" if number.removeprefix("+").isdecimal() else number


def _anywhere(provider: str, body: str) -> str:
    """The first number in a body in which its field is not known; empty if there is none."""
    if provider == API_CALL:
        return next(filter(is_e164, body.split('"')), "")
    found = _OF_DARAJA.search(body) if provider == "daraja" else None
    return found[0] if found else ""


def _twilio_fields(direction: Direction, fields: Mapping[str, str]) -> tuple[str, ...]:
    """The field with the phone: who sent a message to us, or to whom we sent one, also in its report."""
    return ("From",) if direction == "in" and "MessageStatus" not in fields else ("To",)


def _summary(kind: Kind, fields: Mapping[str, str], status: int, answer: str) -> str:
    first = answer.partition("\n")[0]
    match kind:
        case "hop":
            typed = fields.get("text", "")
            return f"{typed or 'dials'} -> {first}" if status == 200 else f"{typed or 'dials'} -> HTTP {status}"
        case "end":
            return f"the call ended: {fields.get('status', '')}"
        case "text":
            pictures = fields.get("NumMedia", "0")
            also = "" if pictures == "0" else f"{pictures} picture{'s' * (pictures != '1')}"
            return ", ".join(filter(None, [fields.get("text") or fields.get("Body", ""), also]))
        case "sms":
            words = fields.get("message") or fields.get("Body", "")
            segments = gsm7.segments(words)
            answered = "" if status < 300 else f"HTTP {status}: "
            return f"{answered}{words} ({segments.encoding}, {segments.count} segment{'s' * (segments.count != 1)})"
        case "report":
            return " ".join(
                filter(None, [fields.get("status") or fields.get("MessageStatus"), fields.get("failureReason")])
            )
        case _:
            return f"HTTP {status}: {first}" if first else f"HTTP {status}"

"""Writes what was played since the shop began as a transcript: who did what, in order, without the answers.

    ! clock 2026-12-01T12:46:18Z          when it began
    ! demo                                the demo data is there
    ! phone amina +254711000111           whose phone is called what
    ! codes M8Q4 U4H5                     the codes that are made, in this order
    @ amina ussd
    > *384*22#
    ! wait 40s
    ! order joy 1 x fruit basket

`bot.playground.transcript` plays it, and so adds the answers. What phones did is in the table of `bot.simulator.acts`;
orders, and what keys did with them, are in the events of the shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from anyascii import anyascii
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from bot.services import Services
from bot.simulator.tables import simulated_act, simulated_reset, simulated_text
from flows.msisdn import is_e164
from marketplace_api.actors import Actor
from marketplace_api.models import Artisan, BuyerPayment, Event, Kiosk, Order, Product

DEMO = str(Actor("job", "demo"))
SHORTEST_WAIT = timedelta(seconds=30)
"""Shorter pauses are added up, so that not every line is followed by a wait."""
WRITTEN_SETTINGS = (
    *("country", "currency", "timezone", "commission_percent", "ussd_code", "sms_short_code"),
    *("hold_above", "hold_first", "payout_day_cap"),
)
"""The settings that change what people read; those that are not the default are written."""
_ONE_TIME_CODE = re.compile(r"\b\d{6}\b")


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, as lines of a transcript; `phone` acts on the channel, if it is given."""

    at: datetime
    lines: Sequence[str]
    phone: str = ""
    channel: str = ""


class Recorder:
    """Reads everything in the session of one transaction."""

    def __init__(self, services: Services, session: Session) -> None:
        self._settings, self._session = services.settings, session
        self._began = session.scalar(select(simulated_reset.c.at))
        self._now = services.clock()
        self._acts = session.execute(select(simulated_act).order_by(simulated_act.c.seq)).all()
        self._events = session.scalars(select(Event).order_by(Event.seq)).all()
        self._orders = {order.id: order for order in session.scalars(select(Order))}
        self._titles = session.scalars(select(Product.title)).all()
        self._names = self._name_phones()

    def script(self) -> str:
        """The transcript, without any answer."""
        return "\n".join([*self._head(), *self._body()]) + "\n"

    def _head(self) -> Iterator[str]:
        begins = [self._began] if self._began else []
        begins += [act.at for act in self._acts[:1]] + [event.created_at for event in self._events[:1]]
        begun = (begins[0] if self._began else min(begins, default=self._now)).replace(microsecond=0)
        yield f"# Recorded on {begun:%A} {begun.day} {begun:%B %Y}."
        yield from (f"! with {name.upper()}={value}" for name, value in self._other_settings())
        yield f"! clock {begun.isoformat().replace('+00:00', 'Z')}"
        if any(event.by == DEMO for event in self._events):
            yield "! demo"
        yield from (f"! phone {name} {msisdn}" for msisdn, name in self._names.items())
        if codes := list(self._codes()):
            yield f"! codes {' '.join(codes)}"
        self._last_at = begun

    def _other_settings(self) -> Iterator[tuple[str, Any]]:
        fields = type(self._settings).model_fields
        for name in WRITTEN_SETTINGS:
            value = getattr(self._settings, name)
            if value != fields[name].default and value is not None:
                yield name, value

    # Phones

    def _name_phones(self) -> Mapping[str, str]:
        """A name for each phone that did something or ordered, in this order: the first name of who has it."""
        used = [act.msisdn.removeprefix("whatsapp:") for act in self._acts]
        buyers = [order.buyer_msisdn for order in self._orders.values()]
        agents = [event.data["agent"]["phone"] for event in self._events if self._is_opened_kiosk(event)]
        numbers = dict.fromkeys(number for number in (*used, *buyers, *agents) if is_e164(number))
        people = {artisan.msisdn: artisan.name for artisan in self._session.scalars(select(Artisan))}
        people |= {kiosk.agent_msisdn: kiosk.agent_name for kiosk in self._session.scalars(select(Kiosk))}
        people |= {order.buyer_msisdn: order.buyer_name for order in self._orders.values()}
        names: dict[str, str] = {}
        for number in numbers:
            names[number] = _free_name(people.get(number, ""), names.values())
        return names

    # What is made

    def _codes(self) -> Iterator[str]:
        """The codes of what was made since the beginning, in this order; those of the demo are always the same."""
        ordered: set[str] = set()
        for event in self._events:
            order = self._order_of(event)
            if event.by != DEMO and event.type in ("product.listed", "payout.created", "kiosk.opened"):
                yield event.data["code"]
            elif order and order.id not in ordered:
                ordered.add(order.id)
                yield order.code

    def _order_of(self, event: Event) -> Order | None:
        """The order that an event of an order or of a payment is about."""
        kind = event.type.partition(".")[0]
        id = event.data.get({"order": "id", "payment": "order_id"}.get(kind, ""))
        return self._orders.get(id or "")

    # What happened

    def _body(self) -> Iterator[str]:
        acting = ("", "")
        for line in self._in_order():
            yield from self._wait(line.at)
            if line.phone and (line.phone, line.channel) != acting:
                acting = (line.phone, line.channel)
                yield ""
                yield f"@ {line.phone} {line.channel}"
            yield from line.lines
        yield from self._wait(self._now)

    def _wait(self, at: datetime) -> Iterator[str]:
        gap = at - self._last_at
        if gap >= SHORTEST_WAIT:
            seconds = int(gap.total_seconds())
            self._last_at += timedelta(seconds=seconds)
            yield f"! wait {duration(seconds)}"
        elif gap < timedelta():  # the clock was brought back
            self._last_at = at

    def _in_order(self) -> Iterator[Line]:
        """What phones did, and between it what others did, by the numbers of the events."""
        others = iter([(event.seq, line) for event in self._events for line in self._by_others(event)])
        waiting = next(others, None)
        for act in self._acts:
            while waiting and waiting[0] <= act.after:
                yield waiting[1]
                waiting = next(others, None)
            yield self._line(act)
        while waiting:
            yield waiting[1]
            waiting = next(others, None)

    def _line(self, act: Row[Any]) -> Line:
        name = self._names.get(act.msisdn.removeprefix("whatsapp:"), "")
        if not name or name != self._names.get(act.msisdn):
            return Line(act.at, [f"# No transcript can play this: {act.act} of {act.msisdn}."])
        match act.act:
            case "dial" | "answer" | "text":
                said = self._with_one_time_codes(act.text).replace("\n", "\\n")
                return Line(act.at, [f"> {said}".rstrip()], name, act.channel)
            case "drop":
                return Line(act.at, ["! drop"], name, act.channel)
            case "picture":
                return Line(act.at, [f"! picture {act.text}".rstrip()], name, act.channel)
            case "pay" | "refuse":
                return Line(act.at, [f"! {act.act} {name}"])
            case "paybill":
                return Line(act.at, [f"! paybill {name} {act.text}"])
            case _:
                return Line(act.at, [f"# No transcript can play this: {act.text}."])

    def _with_one_time_codes(self, said: str) -> str:
        """What was typed, with `{code of NAME}` for a one-time code that was texted to somebody."""
        for typed in _ONE_TIME_CODE.findall(said):
            texted = select(simulated_text.c.msisdn).where(simulated_text.c.text.contains(typed, autoescape=True))
            owner = self._names.get(self._session.scalar(texted.order_by(simulated_text.c.seq.desc())) or "")
            if owner:
                said = said.replace(typed, f"{{code of {owner}}}")
        return said

    def _by_others(self, event: Event) -> Iterator[Line]:
        """What a key did in the shop, or a buyer without a phone; of what jobs did, only when."""
        order, by_key = self._order_of(event), (event.by or "").startswith("key:")
        if order and event.type in ("order.placed", "payment.created") and self._is_first_of(event, order):
            yield Line(event.created_at, self._ordered(order))
        elif order and event.type == "payment.captured" and event.data["method"] == "card":
            yield Line(event.created_at, [f"! pay {self._names[order.buyer_msisdn]}"])
        elif self._is_opened_kiosk(event):
            kiosk, agent = event.data, event.data["agent"]["phone"]
            yield Line(event.created_at, [f"! kiosk {kiosk['name']}, {kiosk['town']}, {self._names[agent]}"])
        elif order and by_key:
            done = {
                "order.shipped": f"! ship {order.code} {order.carrier} {order.tracking}",
                "order.delivered": f"! deliver {order.code}",
                "order.cancelled": f"! cancel {order.code}",
            }.get(event.type)
            yield from [Line(event.created_at, [done])] if done else []
        elif (event.by or "").startswith("job:") and event.by != DEMO:
            yield Line(event.created_at, [])

    def _is_opened_kiosk(self, event: Event) -> bool:
        return event.type == "kiosk.opened" and event.by != DEMO

    def _is_first_of(self, event: Event, order: Order) -> bool:
        return next(each for each in self._events if self._order_of(each) is order) is event

    def _ordered(self, order: Order) -> Sequence[str]:
        name = self._names[order.buyer_msisdn]
        if order.brief:
            brief, price = order.brief, order.unit_price // 100
            title = brief.title.replace(",", " ")
            return [f"! brief {name} {order.quantity} x {title}, {brief.category}, {price}, {brief.due_on}"]
        product = order.product
        if product is None:
            return [f"# No transcript can play this: the order {order.code}."]
        what = product.title if self._titles.count(product.title) == 1 else product.code
        payments = self._session.scalars(select(BuyerPayment.method).where(BuyerPayment.order_id == order.id)).all()
        pays = any(method in ("mpesa", "card") for method in payments)
        by_card = ["# It was paid by card; a transcript pays by M-PESA."] if "card" in payments else []
        return [*by_card, f"! order {name} {order.quantity} x {what}{', by mpesa' if pays else ''}"]


def _free_name(whole: str, taken: Iterable[str]) -> str:
    """The first name in small letters, with a number if it is taken."""
    first = re.sub(r"\W", "", anyascii(whole.split()[0]).lower()) if whole.split() else ""
    name, number, taken = first or "phone", 1, set(taken)
    while (free := f"{name}{number if number > 1 else ''}") in taken:
        number += 1
    return free


def duration(seconds: int) -> str:
    """As a transcript writes it: `2d`, `3h`, `5m` or `90s`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def script(services: Services) -> str:
    """What was played since the shop began, as a transcript without answers."""
    with services.database.reading() as session:
        return Recorder(services, session).script()

"""The tour: which steps of the story the people on the simulator's phones have done, and what is next.

A visitor does the steps on the phones, or lets the page do them. What is next follows from the shop and from the
stored conversations alone, so a visitor may do a step in another way, or go astray in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session as DatabaseSession

from bot.conversation import session as sessions
from bot.conversation.session import Session
from bot.messaging import rendering
from bot.services import Services
from bot.simulator import buyers
from bot.simulator.daraja import MINOR_UNITS
from bot.web.story import AGENT_NAME, ARTISAN, PRICE, PRODUCT, STEPS, Role, StepName, keyword_for
from flows.kit import Conversation
from marketplace_api.models import Artisan, Kiosk, Order, Payout, Product
from marketplace_api.statuses import OrderStatus
from state import people

How = Literal["call", "text", "shop", "prompt", "paybill", "wait", "end", "no_kiosk"]
"""By what the next step is done: a call, a text, the storefront, the prompt of M-PESA, a payment to the paybill number;
by waiting for a text; or not at all, because all is done, or no kiosk is there to bring goods to."""

NEW_NUMBERS = 254_711_000_501
"""The first number for an artisan who is new; neither the demo nor the page's other phones use one above it."""
PIN = "1234"
PROMPTED_WITHIN = timedelta(seconds=20)
"""A prompt that is not on the buyer's phone so long after the order does not come any more."""
ENDED: tuple[OrderStatus, ...] = ("declined", "expired", "cancelled")
REACHED: Mapping[StepName, tuple[OrderStatus, ...]] = {
    "order": ("placed", "accepted", "at_kiosk", "shipped", "delivered"),
    "accept": ("accepted", "at_kiosk", "shipped", "delivered"),
    "receive": ("at_kiosk", "shipped", "delivered"),
}
"""The statuses of an order for which a step is done."""
Answers = Mapping[str, str | Callable[[Conversation], str]]
"""By `flow.state`: what is typed there."""
RESUME, NO_PERSON, IS_RIGHT = "1", "0", "1"
"""Answers to a side prompt: continue the dropped call, no call by a person, and the guess is right."""
HOME = "00"


@dataclass(frozen=True, slots=True)
class Phones:
    """The phones of the tour by their MSISDN."""

    artisan: str
    buyer: str
    agent: str


@dataclass(frozen=True, slots=True)
class NextMove:
    """What is to be done: on whose phone, by what, and what is typed there; for the shop, the product's id.

    `typed` is empty for a call that is to be begun. `also` is the amount of a payment to the paybill number.
    """

    how: How
    phone: Role | None = None
    typed: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class TourState:
    """The steps that are done, the present one (None at the end), and the next move."""

    done: frozenset[StepName]
    step: StepName | None
    move: NextMove


@dataclass(frozen=True, slots=True)
class _Found:
    """What the shop knows of the artisan of the tour."""

    artisan: Artisan | None = None
    product: Product | None = None
    order: Order | None = None
    is_paid_out: bool = False


class Tour:
    """The tour in the shop and on the phones of `services`. Nothing is changed by it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._place = services.conversation.runner.place

    def phones(self) -> Phones | None:
        """Phones for a new tour: an artisan's that nobody has, a buyer's, an agent's; None if there is no kiosk."""
        with self._services.database.reading() as session:
            agent = session.scalar(
                select(Kiosk.agent_msisdn).order_by(Kiosk.agent_name != AGENT_NAME, Kiosk.created_at, Kiosk.id)
            )
            if agent is None:
                return None
            taken, conn = set(session.scalars(select(Artisan.msisdn))), session.connection()
            numbers = (f"+{number}" for number in count(NEW_NUMBERS))
            artisan = next(number for number in numbers if number not in taken and self._is_new(conn, number))
            return Phones(artisan, "+254733000333", agent)

    def _is_new(self, conn: Connection, msisdn: str) -> bool:
        return people.find(conn, msisdn) is None and self._session(msisdn) is None

    def state(self, phones: Phones, language: str) -> TourState:
        """Where the tour is; `language` is the one that the artisan chooses."""
        with self._services.database.reading() as session:
            found = _find(session, phones)
            done = frozenset(step.name for step in STEPS if _is_done(step.name, found))
            step = next((step.name for step in STEPS if step.name not in done), None)
            kiosk = session.scalar(select(Kiosk).where(Kiosk.agent_msisdn == phones.agent).order_by(Kiosk.id))
            if kiosk is None:
                return TourState(done, step, NextMove("no_kiosk"))
            moves: Mapping[StepName | None, Callable[[], NextMove]] = {
                "join": lambda: self._join(phones, language, kiosk),
                "sell": lambda: self._sell(phones, language),
                "order": lambda: self._order(found, phones, session.connection(), self._services.clock()),
                "accept": lambda: NextMove("text", "artisan", f"YES {found.order.code if found.order else ''}"),
                "receive": lambda: self._receive(phones, language, found),
                "paid": lambda: NextMove("wait"),
                None: lambda: NextMove("end"),
            }
            return TourState(done, step, moves[step]())

    # -- the steps

    def _join(self, phones: Phones, language: str, kiosk: Kiosk) -> NextMove:
        def kiosk_line(conversation: Conversation) -> str:
            return _line(conversation, f"{kiosk.name}, {kiosk.town}")

        answers: Answers = {
            "language.language": self._language_line(language),
            "home.visitor": "1",
            "join.name": ARTISAN,
            "join.craft": "1",
            "join.town": lambda conversation: _line(conversation, kiosk.town),
            "join.near": kiosk.name,
            "join.kiosk": kiosk_line,
            "join.payout": "1",
        }
        return self._talk("artisan", phones.artisan, f"JOIN {ARTISAN}", answers)

    def _sell(self, phones: Phones, language: str) -> NextMove:
        engine, words = self._services.conversation.runner.engine, rendering.words(language)
        title = words.text(PRODUCT)
        first = f"{keyword_for(engine, 'sell', words)} {title} {PRICE} x3"
        answers = {
            "sell.title": title,
            "sell.category": "1",
            "sell.price": PRICE,
            "sell.quantity": "3",
            "sell.review": "1",
        }
        session = self._session(phones.artisan)
        if session and session.call and (by_call := session.by_call) and by_call.flow == "sell":
            return NextMove("call", "artisan", _answer(by_call, answers) or HOME)
        by_text = session.by_text if session else None
        return NextMove("text", "artisan", (by_text and _answer(by_text, answers)) or first)

    def _order(self, found: _Found, phones: Phones, conn: Connection, now: datetime) -> NextMove:
        order, product = found.order, found.product
        if order is None:
            return NextMove("shop", "buyer", product.id if product else "")
        if any(prompt.account == order.code for prompt in buyers.prompts(conn, phones.buyer, now)):
            return NextMove("prompt", "buyer", PIN)
        if now < order.created_at + PROMPTED_WITHIN:
            return NextMove("wait")
        return NextMove("paybill", "buyer", order.code, str(order.total // MINOR_UNITS))

    def _receive(self, phones: Phones, language: str, found: _Found) -> NextMove:
        answers = {
            "language.language": self._language_line(language),
            "home.roles": "2",
            "home.agent": "1",
            "receive.code": found.order.code if found.order else "",
            "receive.who": "1",
            "receive.count": "1",
            "receive.review": "1",
        }
        return self._talk("agent", phones.agent, "MENU", answers)

    # -- conversations

    def _talk(
        self,
        role: Role,
        msisdn: str,
        first_text: str,
        answers: Answers,
    ) -> NextMove:
        """The next answer in a conversation by call, or by text where nobody can dial."""
        session = self._session(msisdn)
        if not self._place.ussd_code:
            by_text = session.by_text if session else None
            return NextMove("text", role, (by_text and _answer(by_text, answers)) or first_text)
        if session is None or session.call is None or session.by_call is None or session.by_call.over:
            return NextMove("call", role)
        return NextMove("call", role, _answer(session.by_call, answers) or HOME)

    def _session(self, msisdn: str) -> Session | None:
        return sessions.read(self._services.sessions.load(msisdn, self._services.clock().timestamp()))

    def _language_line(self, language: str) -> str:
        return str([code for code, _ in self._place.languages].index(language) + 1)


def _answer(conversation: Conversation, answers: Answers) -> str | None:
    """What leads on from this screen; None if it is not on the way."""
    here = answers.get(f"{conversation.flow}.{conversation.state}")
    if here is None or conversation.over:
        return None
    if conversation.guess:
        return IS_RIGHT
    if conversation.side_prompt:
        return RESUME if conversation.side_prompt == "resume" else NO_PERSON
    return here(conversation) if callable(here) else here


def _line(conversation: Conversation, label: str) -> str:
    """The number of a line, which may be on another page; the first one if no line has this label."""
    labels = [choice.label for choice in conversation.choices]
    return str(labels.index(label) + 1 if label in labels else 1)


def _find(session: DatabaseSession, phones: Phones) -> _Found:
    artisan = session.scalar(select(Artisan).where(Artisan.msisdn == phones.artisan, Artisan.status == "active"))
    if artisan is None:
        return _Found()
    own = select(Product).where(Product.artisan_id == artisan.id, Product.status != "withdrawn")
    product = session.scalar(own.order_by(Product.created_at.desc(), Product.id.desc()))
    if product is None:
        return _Found(artisan)
    orders = select(Order).where(Order.product_id == product.id, Order.status.not_in(ENDED))
    order = session.scalars(orders.order_by(Order.created_at.desc(), Order.id.desc())).first()
    if order is None:
        return _Found(artisan, product)
    paid = select(Payout.id).where(Payout.order_id == order.id, Payout.status == "paid")
    return _Found(artisan, product, order, session.scalars(paid).first() is not None)


def _is_done(step: StepName, found: _Found) -> bool:
    match step:
        case "join":
            return found.artisan is not None
        case "sell":
            return found.product is not None
        case "paid":
            return found.is_paid_out
    return found.order is not None and found.order.status in REACHED[step]

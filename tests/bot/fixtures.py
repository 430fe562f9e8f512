"""A small shop for tests: its people, its orders at each step, and second processes over the same stores."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import redis
from sqlalchemy import text
from werkzeug.test import TestResponse

from bot.app import create_app
from bot.conversation.claims import LEASE_S
from bot.conversation.kept_requests import KeptRequest
from bot.conversation.service import ConversationService
from bot.runtime.keys import Purpose
from bot.simulator.gateway import Gateway
from bot.web.order_forms import OrderForms
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.orders import orders, paying
from marketplace_api.payments import buyer_payments
from state import messages, people
from state.messages import Message
from state.sessions import Seen, Sessions
from tests.actors import TESTER
from tests.service import Service

AKINYI = "+254711000103"
"""The artisan's phone."""
OTIENO = "+254722000222"
"""The phone of the agent at the artisan's kiosk."""
JOY = "+254733000333"
"""The buyer's phone."""
NEW_PHONE = "+254799000999"
"""A phone that is not registered."""
POT = "Clay water pot"
FORM = {
    "quantity": "1",
    "buyer.name": "Joy",
    "buyer.phone": JOY,
    "ship_to.line1": "7 Riverside Drive",
    "ship_to.city": "Nairobi",
    "ship_to.country": "KE",
}
"""The fields of an order form, as a buyer fills it in."""


def seed_shop(service: Service) -> None:
    """Adds the kiosk of Otieno, and Akinyi as an artisan of that kiosk with one product."""
    kiosk = service.kiosk(OTIENO)
    add_artisan(service, AKINYI, "Akinyi Ouma", kiosk["id"])
    add_product(service, AKINYI, POT)


def add_artisan(
    service: Service, msisdn: str, name: str, kiosk_id: str, *, language: str = "en", paid_to: str | None = None
) -> None:
    """Registers an artisan who is paid on the phone `paid_to`, by default on the same phone."""
    with service.services.database.writing.begin() as session:
        artisans.register(
            service.services.shop(session, TESTER),
            name=name,
            msisdn=msisdn,
            language=language,
            craft="pottery",
            kiosk_id=kiosk_id,
            payout_method="mobile_money",
            payout_msisdn=paid_to,
        )


def add_product(service: Service, msisdn: str, title: str, price: int = 1800_00, quantity: int = 40) -> None:
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        artisan = artisans.by_msisdn(shop, msisdn)
        assert artisan is not None
        products.list_product(shop, artisan, title=title, category="pottery", price=price, quantity=quantity)


def submit_form(service: Service, code: str, key: str, **fields: str) -> TestResponse:
    """Sends the order form of a product, filled in as `FORM`, with these fields changed."""
    forms = OrderForms(service.settings.keys.accepted(Purpose.ORDER_FORMS), service.settings.url)
    return service.http.post(
        f"/products/{code}", data=FORM | {"token": forms.token(code, key, service.clock())} | fields
    )


def submit_hidden(service: Service, page: TestResponse, path: str, **fields: str) -> TestResponse:
    """Sends a form of a page, with its hidden fields and these."""
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return service.http.post(path, data=hidden | fields)


def pay(service: Service, order_id: str, reference: str = "SG6RECEIPT") -> None:
    """The buyer pays the newest payment of an order, as the collector says it."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        payment = orders.by_id(shop, order_id).payments[-1]
        if payment.status == "created":
            buyer_payments.begin_asking(shop, payment.id)
        paying.settle_captured(shop, payment.id, reference)


def choose_language(service: Service, language: str, *msisdns: str) -> None:
    """Stores the language of these people."""
    with service.services.database.writing.begin() as session:
        for msisdn in msisdns:
            people.set_language(session.connection(), msisdn, language, service.clock())


def dial(service: Service, msisdn: str, *answers: str) -> str:
    """Starts a call and gives the answers one by one; the last screen."""
    screen = service.gateway.dial(msisdn)
    for answer in answers:
        screen = service.gateway.answer(msisdn, answer)
    return screen


def second_process(
    service: Service, conversation_class: type[ConversationService] = ConversationService, **replaced: Any
) -> Gateway:
    """A gateway to a second web process over the same stores; `replaced` are fields of its HopResources."""
    services = service.services
    resources = replace(services.conversation.resources, **replaced)
    conversation = conversation_class(services.conversation.runner, resources, services.conversation.own_numbers)
    gateway = Gateway(
        create_app(services=replace(services, conversation=conversation)),
        service.settings,
        service.clock,
        service.new_id,
    )
    gateway.metadata = service.gateway.metadata  # it is the same network
    return gateway


class InterruptedSessions:
    """A session store that calls `by` once, just before the first save."""

    def __init__(self, store: Sessions, by: Callable[[], object]) -> None:
        self._store, self._pending = store, [by]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, *args: Any, **values: Any) -> bool:
        self._interrupt()
        return self._store.save(*args, **values)

    def replace(self, *args: Any, **values: Any) -> Seen | None:
        self._interrupt()
        return self._store.replace(*args, **values)

    def _interrupt(self) -> None:
        if self._pending:
            self._pending.pop()()


class DyingConversation(ConversationService):
    """Keeps no request that failed, because its process has died."""

    def _keep(self, request: KeptRequest) -> None:
        raise ConnectionError("died")


def crashing_process(service: Service) -> Gateway:
    """A second process that dies once, just before it saves a session."""

    def crash() -> None:
        raise ConnectionError("died before saving")

    return second_process(service, DyingConversation, sessions=InterruptedSessions(service.services.sessions, crash))


def overtaken_process(service: Service, by: Callable[[], object]) -> Gateway:
    """A second process that is slower than its lease: just before its first save, `by` takes the claim over."""

    def overtake() -> None:
        service.clock.advance(LEASE_S)
        by()

    return second_process(service, sessions=InterruptedSessions(service.services.sessions, overtake))


def delete_session(service: Service, msisdn: str) -> None:
    """Deletes the session of a phone; with Redis, everything in Redis."""
    service.services.sessions.delete(msisdn)
    if service.settings.redis_url:
        with redis.Redis.from_url(service.settings.redis_url) as client:
            client.flushall()
            client.script_flush()


def execute_sql(service: Service, *statements: str) -> None:
    """Executes SQL directly, without the service."""
    with service.services.engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


# -- the shop


def products_titled(service: Service, title: str) -> list[Any]:
    """The listed products with that title."""
    return [product for product in service.api("GET", "/products?limit=100")["data"] if product["title"] == title]


def place_order(service: Service, quantity: int = 1, *, title: str = POT, buyer: str = JOY, locale: str = "en") -> Any:
    (product,) = products_titled(service, title)
    return service.order(product["id"], quantity, buyer, locale=locale)


def accepted_order(service: Service, quantity: int = 1, *, title: str = POT, artisan: str = AKINYI) -> Any:
    """An order that its artisan has accepted; as the API returns it."""
    placed = place_order(service, quantity, title=title)
    service.gateway.text(artisan, f"YES {placed['code']}")
    return service.api("GET", f"/orders/{placed['id']}")


def received_order(service: Service, quantity: int = 1, *, title: str = POT, artisan: str = AKINYI) -> Any:
    """An order whose goods the kiosk has received, so that its payout is due; as the API returns it."""
    accepted = accepted_order(service, quantity, title=title, artisan=artisan)
    choose_language(service, "en", OTIENO)
    dial(service, OTIENO, "1", accepted["code"], str(quantity), "1")
    return service.api("GET", f"/orders/{accepted['id']}")


def order_status(service: Service, placed: Any) -> str:
    return str(service.api("GET", f"/orders/{placed['id']}")["status"])


# -- messages


def outgoing_messages(service: Service, msisdn: str | None = None) -> list[Message]:
    """The outgoing messages to a phone, or to all phones, oldest first, in any status."""
    with service.services.database.reading() as session:
        stored = messages.history(session.connection(), msisdn, limit=500)
    return [message for message in reversed(stored) if message.direction == "out"]


def notifications(service: Service) -> list[Message]:
    """The outgoing messages that answer no inbound text, oldest first."""
    return [message for message in outgoing_messages(service) if message.topic != "reply"]

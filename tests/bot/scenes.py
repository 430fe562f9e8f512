"""What the tests of the hall need of a shop: who lives there, and how an order comes as far as it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import redis
from sqlalchemy import text

from bot.app import create_app
from bot.simulator.gateway import Gateway
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from state import messages, people
from state.messages import Message
from state.sessions import Sessions
from tests.service import Service

AKINYI = "+254711000103"
"""The artisan."""
OTIENO = "+254722000222"
"""The agent of her kiosk."""
JOY = "+254733000333"
"""A buyer."""
STRANGER = "+254799000999"
POT = "Clay water pot"


def furnish(service: Service) -> None:
    """Otieno's kiosk, and Akinyi who brings her pots there."""
    kiosk = service.kiosk(OTIENO)
    artisan(service, AKINYI, "Akinyi Ouma", kiosk["id"])
    ware(service, AKINYI, POT)


def artisan(
    service: Service, msisdn: str, name: str, kiosk_id: str, *, language: str = "en", paid_to: str | None = None
) -> None:
    """An artisan who is paid on her own phone, or on another."""
    with service.services.database.writing.begin() as session:
        artisans.register(
            service.services.shop(session),
            name=name,
            msisdn=msisdn,
            language=language,
            craft="pottery",
            kiosk_id=kiosk_id,
            payout_method="mobile_money",
            payout_msisdn=paid_to,
        )


def ware(service: Service, msisdn: str, title: str, price: int = 1800_00, quantity: int = 40) -> None:
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session)
        maker = artisans.by_msisdn(shop, msisdn)
        assert maker is not None
        products.list_product(shop, maker, title=title, category="pottery", price=price, quantity=quantity)


def speaks(service: Service, language: str, *msisdns: str) -> None:
    """They chose their language some time ago."""
    with service.services.database.writing.begin() as session:
        for msisdn in msisdns:
            people.set_language(session.connection(), msisdn, language, service.clock())


def dials(service: Service, msisdn: str, *answers: str) -> str:
    """A call from its beginning; what is shown last."""
    screen = service.gateway.dial(msisdn)
    for answer in answers:
        screen = service.gateway.answer(msisdn, answer)
    return screen


def another(service: Service, **collaborators: Any) -> Gateway:
    """The way into another web process over the same stores, perhaps with other collaborators."""
    services = replace(service.services, conversation=replace(service.services.conversation, **collaborators))
    return Gateway(create_app(services=services), service.settings, service.clock, service.new_id)


class Interrupted:
    """A session store where something happens once, as the first session is about to be saved."""

    def __init__(self, store: Sessions, by: Callable[[], object]) -> None:
        self._store, self._happenings = store, [by]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, *args: Any, **values: Any) -> bool:
        if self._happenings:
            self._happenings.pop()()
        return self._store.save(*args, **values)


def dying(service: Service) -> Gateway:
    """Another process over the same stores, which dies once as it is about to save."""

    def die() -> None:
        raise ConnectionError("died before saving")

    return another(service, sessions=Interrupted(service.services.sessions, die))


def overtaken(service: Service, by: Callable[[], object]) -> Gateway:
    """Another process, where somebody else saves first, once."""
    return another(service, sessions=Interrupted(service.services.sessions, by))


def forget(service: Service, msisdn: str) -> None:
    """The person's session is gone; with Redis, everything."""
    service.services.sessions.delete(msisdn)
    if service.settings.redis_url:
        with redis.Redis.from_url(service.settings.redis_url) as client:
            client.flushall()
            client.script_flush()


def tell(service: Service, *statements: str) -> None:
    """Something done to the database from outside."""
    with service.services.engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


# -- the shop


def on_sale(service: Service, title: str) -> list[Any]:
    """The products of that name."""
    return [product for product in service.api("GET", "/products?limit=100")["data"] if product["title"] == title]


def order(service: Service, quantity: int = 1, *, title: str = POT, buyer: str = JOY, locale: str = "en") -> Any:
    (product,) = on_sale(service, title)
    return service.order(product["id"], quantity, buyer, locale=locale)


def accepted(service: Service, quantity: int = 1, *, title: str = POT, maker: str = AKINYI) -> Any:
    """An order that its artisan has accepted."""
    placed = order(service, quantity, title=title)
    service.gateway.text(maker, f"YES {placed['code']}")
    return service.api("GET", f"/orders/{placed['id']}")


def received(service: Service, quantity: int = 1, *, title: str = POT, maker: str = AKINYI) -> Any:
    """An order whose goods Otieno has received; the payout for it is due."""
    made = accepted(service, quantity, title=title, maker=maker)
    speaks(service, "en", OTIENO)
    dials(service, OTIENO, "1", made["code"], str(quantity), "1")
    return service.api("GET", f"/orders/{made['id']}")


def status(service: Service, placed: Any) -> str:
    return str(service.api("GET", f"/orders/{placed['id']}")["status"])


# -- the texts


def texts(service: Service, msisdn: str | None = None) -> list[Message]:
    """What was written for a phone, or for all, oldest first; whether it left or not."""
    with service.services.database.reading() as session:
        kept = messages.history(session.connection(), msisdn, limit=500)
    return [message for message in reversed(kept) if message.direction == "out"]


def news(service: Service) -> list[Message]:
    """The texts nobody asked for, oldest first."""
    return [text for text in texts(service) if text.topic != "reply"]

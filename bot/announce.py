"""What the shop's events mean for people: who is told what, and which payouts are to be made.

The follower reads events in their order and writes texts and jobs in the same transaction as its place,
so each event is told once however often a worker dies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

import locales
from bot import outgoing, speech
from bot.clock import Clock
from bot.market import Database
from bot.outgoing import Text
from flows import kit
from flows.kit import N_, SMS, Screen, Words, versions
from marketplace_api import artisans, events, payouts
from marketplace_api.models import Event
from marketplace_api.shop import Ids, Shop, Terms
from state import cursor, outbox, people

PLACE = "announcements"
AT_ONCE = 100

OFFER = N_(
    "New order {code}: {quantity} x {title}. You earn {earns}. Reply YES {code} to accept or NO {code}.",
    "New order {code}: {quantity} x {title}. You earn {earns}. Reply YES {code} or NO {code}.",
    "New order {code}: {quantity} pieces. You earn {earns}. Reply YES {code} or NO {code}.",
)
WITHDRAWN = N_("Order {code} was cancelled by the buyer. You need not make it.")
ORDERED = N_(
    "Soko: thank you! Your order {code}: {quantity} x {title}, {total}. We text you when it is accepted.",
    "Soko: thank you! Your order {code}: {quantity} x {title}, {total}.",
    "Soko: thank you! Your order is {code}.",
)
ACCEPTED = N_(
    "Soko: {artisan} makes your order {code}: {quantity} x {title}, {total}.",
    "Soko: your order {code} is accepted: {quantity} x {title}, {total}.",
    "Soko: your order {code} is accepted.",
)
DECLINED = N_("Soko: sorry, your order {code} ({title}) could not be taken. You pay nothing.")
AT_KIOSK = N_("Soko: your order {code} ({title}) is made and at the kiosk. It is shipped next.")
SHIPPED = N_(
    "Soko: your order {code} is on its way with {carrier}. Tracking number {tracking}.",
    "Soko: your order {code} is shipped. Tracking number {tracking}.",
)
DELIVERED = N_("Soko: your order {code} was delivered. Thank you for buying handmade.")
EXPIRED = N_("Soko: sorry, nobody took your order {code} ({title}) in time. You pay nothing.")
CANCELLED = N_("Soko: your order {code} is cancelled. You pay nothing.")
PAID = N_(
    "Soko sent you {amount} for order {order}. Reference {reference}. Still owed to you: {owed}.",
    "Soko sent you {amount} for order {order}. Reference {reference}.",
)
PAID_ON_A_PHONE = N_("Soko: from now on you are paid by mobile money on {phone}. Was that not you? Text CALL.")
PAID_IN_CASH = N_(
    "Soko: from now on you are paid in cash at {kiosk}. Was that not you? Text CALL.",
    "Soko: from now on you are paid in cash at your kiosk. Was that not you? Text CALL.",
)
COLLECT = N_(
    "Soko: {amount} for order {order} waits for you at {kiosk}. Show your code: {cash_code}.",
    "Soko: {amount} waits at your kiosk. Your code: {cash_code}.",
)
COLLECTED = N_(
    "Soko: you were paid {amount} in cash at {kiosk} for order {order}. Still owed to you: {owed}.",
    "Soko: you were paid {amount} in cash for order {order}.",
)

TO_BUYER: Mapping[str, kit.Text] = {
    "order.placed": ORDERED,
    "order.accepted": ACCEPTED,
    "order.declined": DECLINED,
    "order.at_kiosk": AT_KIOSK,
    "order.shipped": SHIPPED,
    "order.delivered": DELIVERED,
    "order.expired": EXPIRED,
    "order.cancelled": CANCELLED,
}
TO_ARTISANS: Mapping[str, kit.Text] = {"order.placed": OFFER, "order.cancelled": WITHDRAWN}

ABOUT_MONEY: Mapping[str, kit.Text] = {
    "payout.created": COLLECT,
    "payout.paid": PAID,
    "payout.collected": COLLECTED,
}


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads the shop's events and tells the people they concern."""

    database: Database
    clock: Clock
    ids: Ids
    terms: Terms
    languages: Sequence[str]

    def follow(self) -> int:
        """Takes the events that are new; how many there were."""
        now = self.clock()
        with self.database.writing.begin() as session:
            shop, conn = Shop(session, now, self.ids, self.terms), session.connection()
            position = cursor.read_for_update(conn, PLACE)
            fresh = events.since(shop, position, AT_ONCE)
            for event in fresh:
                for text in self._texts(event, shop, conn):
                    outgoing.queue(conn, text, self.ids.new_id("msg"), now)
                self._jobs(event, conn, now)
            if fresh:
                cursor.move(conn, PLACE, fresh[-1].seq)
        return len(fresh)

    def anything(self) -> bool:
        """Whether there is something new; asked without taking the one write lock that SQLite has."""
        with self.database.reading() as session:
            shop = Shop(session, self.clock(), self.ids, self.terms)
            return bool(events.since(shop, cursor.read(session.connection(), PLACE), 1))

    def _jobs(self, event: Event, conn: Connection, now: datetime) -> None:
        """A payout by mobile money is sent as soon as it is due."""
        if event.type in ("payout.created", "payout.retried") and event.data["status"] == "pending":
            outbox.add(
                conn,
                kind="payout",
                payload={"payout": event.data["id"]},
                key=f"payout:{event.id}",
                lane=f"payout:{event.data['id']}",
                due_at=now,
                now=now,
            )

    def _texts(self, event: Event, shop: Shop, conn: Connection) -> Iterator[Text]:
        if event.type in TO_BUYER:
            yield self._to_buyer(event, conn)
        if event.type in TO_ARTISANS:
            for part in event.data["assignments"]:
                yield self._to_artisan(event, part, shop, conn)
        if event.type in ABOUT_MONEY and event.data["status"] in ("paid", "awaiting_collection", "collected"):
            yield self._about_money(event, shop, conn)
        if event.type == "artisan.payout_changed":
            yield self._about_payout_way(event, shop, conn)

    def _to_buyer(self, event: Event, conn: Connection) -> Text:
        buyer = event.data["buyer"]
        words = self._words(conn, buyer["phone"], locales.best(buyer["locale"], self.languages))
        return self._text(event, "buyer", buyer["phone"], words, TO_BUYER[event.type], _order_fields(event.data, words))

    def _to_artisan(self, event: Event, part: dict[str, Any], shop: Shop, conn: Connection) -> Text:
        artisan = artisans.by_id(shop, part["artisan"]["id"])
        words = self._words(conn, artisan.msisdn, artisan.language)
        fields = _order_fields(event.data, words)
        return self._text(event, artisan.id, artisan.msisdn, words, TO_ARTISANS[event.type], fields)

    def _about_money(self, event: Event, shop: Shop, conn: Connection) -> Text:
        payout = payouts.by_id(shop, event.data["id"])
        words = self._words(conn, payout.artisan.msisdn, payout.artisan.language)
        fields = {
            "amount": words.money(payout.amount, payout.currency),
            "order": payout.order.code,
            "reference": payout.provider_reference,
            "kiosk": payout.artisan.kiosk.name,
            "cash_code": payout.cash_code,
            "owed": words.money(payouts.standing(shop, payout.artisan, last=0).owed, payout.currency),
        }
        return self._text(event, payout.artisan.id, payout.artisan.msisdn, words, ABOUT_MONEY[event.type], fields)

    def _about_payout_way(self, event: Event, shop: Shop, conn: Connection) -> Text:
        """To her own phone: whoever changed it may have held it for a moment only."""
        artisan, way = artisans.by_id(shop, event.data["id"]), event.data["payout"]
        words = self._words(conn, artisan.msisdn, artisan.language)
        said = PAID_IN_CASH if way["method"] == "kiosk_cash" else PAID_ON_A_PHONE
        fields = {"phone": way["phone"], "kiosk": artisan.kiosk.name}
        return self._text(event, artisan.id, artisan.msisdn, words, said, fields)

    def _words(self, conn: Connection, msisdn: str, otherwise: str) -> Words:
        """The language of whoever reads it: the one she chose with us, else the one her order or registration names."""
        known = people.find(conn, msisdn)
        return speech.words(known.language if known and known.language else otherwise)

    def _text(
        self, event: Event, whom: str, msisdn: str, words: Words, said: kit.Text, fields: Mapping[str, object]
    ) -> Text:
        bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(said)]
        return Text(
            key=f"{event.id}:{whom}",
            msisdn=msisdn,
            body=Screen(bodies).render(SMS),
            language=words.language,
            topic=event.type,
            about=event.data["id"],
        )


def _order_fields(order: Mapping[str, Any], words: Words) -> Mapping[str, object]:
    """What texts about an order may name; quantities and amounts are those of the part accepted."""
    part = order["assignments"][0]
    shipment = order["shipment"] or {"carrier": "", "tracking": ""}
    return {
        "code": order["code"],
        "title": order["product"]["title"],
        "quantity": part["quantity"],
        "artisan": part["artisan"]["name"],
        "total": _money(order["total"], words),
        "earns": _money(order["artisan_earns"], words),
        **shipment,
    }


def _money(money: Mapping[str, Any], words: Words) -> str:
    return words.money(money["amount"], money["currency"])

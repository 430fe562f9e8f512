"""What the shop's events mean for people: who is told what.

Texts are written in the consumer's transaction, so each event is told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

import locales
from bot.marketplace.port import CashReceipt, EventDetails, PayoutNotice
from bot.messaging import queue, rendering
from bot.messaging.queue import NOTIFICATION, REMINDER, NewMessage
from bot.runtime.clock import Clock
from flows import kit
from flows.kit import N_, Words
from marketplace_api.orders import orders
from marketplace_api.shop import Ids

PLACE = "announcements"
REMINDING = "reminder.order"
"""A topic that waits for the morning."""

OFFER = N_(
    "New order {code}: {quantity} x {title}. You earn {earns}. Reply YES {code} to accept or NO {code}.",
    "New order {code}: {quantity} x {title}. You earn {earns}. Reply YES {code} or NO {code}.",
    "New order {code}: {quantity} pieces. You earn {earns}. Reply YES {code} or NO {code}.",
)
BRIEF = N_(
    "Bulk order {code}: {quantity} x {title} by {due}. You earn {earns_each} each. "
    "Reply YES {code} and how many you make, or NO {code}.",
    "Bulk order {code}: {quantity} x {title} by {due}. {earns_each} each. Reply YES {code} and how many.",
    "Bulk order {code}: {quantity} pieces by {due}. {earns_each} each. Reply YES {code} and how many.",
)
ANSWER_ME = N_(
    "Order {code} waits for your answer: {quantity} x {title}. You earn {earns}. Reply YES {code} or NO {code}.",
    "Order {code} waits for your answer. You earn {earns}. Reply YES {code} or NO {code}.",
)
BRING_IT = N_(
    "Order {code}: please bring {quantity} x {title} to {kiosk} by {due}. Made already? Reply READY {code}.",
    "Order {code}: please bring {quantity} pieces by {due}. Made already? Reply READY {code}.",
)
TURNED_BACK = {
    "damaged": N_("Order {code}: {refused} x {title} were damaged and not taken. Ask your kiosk: {kiosk}."),
    "different": N_("Order {code}: {refused} x {title} were not as ordered and not taken. Ask your kiosk: {kiosk}."),
    "badly_made": N_("Order {code}: {refused} x {title} were not made well and not taken. Ask your kiosk: {kiosk}."),
    "other": N_("Order {code}: {refused} x {title} were not taken. Ask your kiosk why: {kiosk}."),
}
TURNED_BACK_SHORT = N_("Order {code}: {refused} pieces were not taken. Ask your kiosk why.")
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
MADE_BY_MANY = N_(
    "Soko: your order {code} is accepted: {quantity} of {asked} x {title}, {total}. {makers} artisans make it.",
    "Soko: your order {code} is accepted: {quantity} of {asked}, {total}.",
    "Soko: your order {code} is accepted.",
)
PROMISED = N_(
    "Soko: {artisan} makes your order {code}: {quantity} x {title}, {total}. Ready by {due}.",
    "Soko: your order {code} is accepted: {quantity} x {title}, {total}. Ready by {due}.",
    "Soko: your order {code} is accepted. Ready by {due}.",
)
REOPENED = N_(
    "Soko: for a part of your order {code} ({title}) we look for another artisan. We text you again.",
    "Soko: for a part of your order {code} we look for another artisan.",
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
PAID_BESIDES = N_(
    "Soko sent you {amount}, payment {order}. Reference {reference}. Still owed to you: {owed}.",
    "Soko sent you {amount}, payment {order}. Reference {reference}.",
)
"""Not for an order: the code is the payout's own."""
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

ANOTHER_NUMBER = N_(
    "Soko: your {amount} for order {order} could not be sent to {phone}. Dial {ussd_code}, Settings, and say how else.",
    "Soko: {amount} could not be sent to {phone}. Dial {ussd_code}, Settings, and say how else.",
)
HANDED_OUT = N_(
    "Soko receipt: you paid {artisan} {amount} in cash for order {order}. Paid today: {today}.",
    "Soko receipt: you paid {amount} in cash for order {order}.",
)

TO_BUYER: Mapping[str, kit.Wording] = {
    "order.placed": ORDERED,
    "order.accepted": ACCEPTED,
    "order.declined": DECLINED,
    "order.reopened": REOPENED,
    "order.at_kiosk": AT_KIOSK,
    "order.shipped": SHIPPED,
    "order.delivered": DELIVERED,
    "order.expired": EXPIRED,
    "order.cancelled": CANCELLED,
}

ABOUT_MONEY: Mapping[str, kit.Wording] = {
    "payout.created": COLLECT,
    "payout.rerouted": COLLECT,
    "payout.paid": PAID,
    "payout.collected": COLLECTED,
}


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells the people whom an event concerns."""

    clock: Clock
    ids: Ids
    languages: Sequence[str]
    ussd_code: str
    tells: bool = True
    """Not where the people of this shop are told by a bot elsewhere."""

    def take(self, session: Session, event: EventDetails) -> None:
        """Writes down what must leave because of this event."""
        conn, now = session.connection(), self.clock()
        for text in self._texts(event, conn) if self.tells else ():
            queue.add(conn, text, self.ids.new_id("msg"), now)

    def _texts(self, event: EventDetails, conn: Connection) -> Iterator[NewMessage]:
        if event.type in TO_BUYER:
            yield self._to_buyer(event, conn)
        for part in event.data.get("assignments", ()):
            if said := _to_artisan(event, part):
                yield self._to_artisan(event, part, said, conn)
        if event.notice:
            yield from self._about_money(event, event.notice, conn)
        if event.type == "artisan.payout_changed":
            yield self._about_payout_way(event, conn)

    def _to_buyer(self, event: EventDetails, conn: Connection) -> NewMessage:
        buyer = event.data["buyer"]
        words = self._words(conn, buyer["phone"], buyer["locale"])
        said = _accepted(event.data) if event.type == "order.accepted" else TO_BUYER[event.type]
        return self._text(event, "buyer", buyer["phone"], words, said, _buyer_fields(event.data, words))

    def _to_artisan(self, event: EventDetails, part: dict[str, Any], said: kit.Wording, conn: Connection) -> NewMessage:
        artisan = event.artisans[part["artisan"]["id"]]
        words = self._words(conn, artisan.msisdn, artisan.language)
        fields = _artisan_fields(event.data, part, artisan.kiosk, words)
        return self._text(event, artisan.id, artisan.msisdn, words, said, fields)

    def _about_money(self, event: EventDetails, notice: PayoutNotice, conn: Connection) -> Iterator[NewMessage]:
        if said := _about_payout(event):
            yield self._to_payee(event, notice, said, conn)
        if event.type == "payout.collected" and notice.receipt:
            yield self._to_agent(event, notice, notice.receipt, conn)

    def _to_payee(self, event: EventDetails, notice: PayoutNotice, said: kit.Wording, conn: Connection) -> NewMessage:
        words = self._words(conn, notice.artisan.msisdn, notice.artisan.language)
        fields = {
            "amount": words.money(notice.amount, notice.currency),
            "order": notice.order,
            "reference": notice.reference,
            "kiosk": notice.artisan.kiosk,
            "cash_code": notice.cash_code,
            "owed": words.money(notice.owed, notice.currency),
            "phone": notice.phone,
            "ussd_code": self.ussd_code,
        }
        return self._text(event, notice.artisan.id, notice.artisan.msisdn, words, said, fields)

    def _to_agent(
        self, event: EventDetails, notice: PayoutNotice, receipt: CashReceipt, conn: Connection
    ) -> NewMessage:
        """Whoever handed out cash can show for what."""
        words = self._words(conn, receipt.agent, self.languages[0])
        fields = {
            "artisan": notice.artisan.name,
            "amount": words.money(notice.amount, notice.currency),
            "order": notice.order,
            "today": words.money(receipt.paid_today, notice.currency),
        }
        return self._text(event, receipt.kiosk_id, receipt.agent, words, HANDED_OUT, fields)

    def _about_payout_way(self, event: EventDetails, conn: Connection) -> NewMessage:
        """To her own phone: whoever changed it may have held it for a moment only."""
        artisan, way = event.artisans[event.data["id"]], event.data["payout"]
        words = self._words(conn, artisan.msisdn, artisan.language)
        said = PAID_IN_CASH if way["method"] == "kiosk_cash" else PAID_ON_A_PHONE
        fields = {"phone": way["phone"], "kiosk": artisan.kiosk}
        return self._text(event, artisan.id, artisan.msisdn, words, said, fields)

    def _words(self, conn: Connection, msisdn: str, otherwise: str) -> Words:
        """The language of whoever reads it: the one she chose with us, else the one her order or registration names."""
        return rendering.words_for(conn, msisdn, locales.best(otherwise, self.languages))

    def _text(
        self, event: EventDetails, whom: str, msisdn: str, words: Words, said: kit.Wording, fields: Mapping[str, object]
    ) -> NewMessage:
        reminds = event.type == "order.reminded"
        return NewMessage(
            key=f"{event.id}:{whom}",
            msisdn=msisdn,
            body=rendering.render_sms(words, said, fields),
            language=words.language,
            topic=REMINDING if reminds else event.type,
            about=event.data["id"],
            priority=REMINDER if reminds else NOTIFICATION,
        )


def _about_payout(event: EventDetails) -> kit.Wording | None:
    """What an event of a payout says to its artisan; a failure that is none of her number is not her matter."""
    match event.type, event.data["status"]:
        case "payout.created", "pending":
            return None  # told once it is there
        case "payout.failed", _:
            return ANOTHER_NUMBER if event.data["blame"] == "recipient" else None
        case "payout.paid", _ if event.data["order_id"] is None:
            return PAID_BESIDES
    return ABOUT_MONEY.get(event.type)


def _to_artisan(event: EventDetails, part: Mapping[str, Any]) -> kit.Wording | None:
    """What an event of an order says to the artisan of one of its parts; None when it does not concern her."""
    offer = BRIEF if event.data["brief"] else OFFER
    match event.type, part["status"]:
        case "order.placed" | "order.reopened", "offered":
            return offer
        case "order.cancelled", "cancelled":
            return WITHDRAWN
        case "order.reminded", status if _of_now(part["reminded_at"], event):
            return BRING_IT if status == "accepted" else offer if event.data["brief"] else ANSWER_ME
        case "order.goods_refused", _ if part["refused"]:
            return (TURNED_BACK.get(part["reason"], TURNED_BACK["other"]), TURNED_BACK_SHORT)
    return None


def _of_now(written: str | None, event: EventDetails) -> bool:
    """Whether something was written down in the transaction of the event."""
    return written is not None and datetime.fromisoformat(written) == event.created_at


def _accepted(order: Mapping[str, Any]) -> kit.Wording:
    """What a buyer hears who waited for a yes."""
    if order["brief"]:
        return MADE_BY_MANY
    return PROMISED if any(part["promised_on"] for part in _taken(order)) else ACCEPTED


def _taken(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [part for part in order["assignments"] if part["status"] in orders.TAKEN]


def _buyer_fields(order: Mapping[str, Any], words: Words) -> Mapping[str, object]:
    """What texts to a buyer may name: the whole order, of which so many pieces are made."""
    taken = _taken(order)
    first = (taken or order["assignments"])[0]
    shipment = order["shipment"] or {"carrier": "", "tracking": ""}
    return {
        "code": order["code"],
        "title": _title(order),
        "asked": order["quantity"],
        "quantity": sum(part["quantity"] for part in taken) or order["quantity"],
        "artisan": first["artisan"]["name"],
        "makers": len({part["artisan"]["id"] for part in taken}),
        "due": _day(first["promised_on"], words),
        "total": _money(order["total"], words),
        **shipment,
    }


def _artisan_fields(
    order: Mapping[str, Any], part: Mapping[str, Any], kiosk: str, words: Words
) -> Mapping[str, object]:
    """What texts to an artisan may name: her part, or as long as it is only offered, what nobody has taken yet."""
    unanswered = part["status"] == "offered"
    left = order["quantity"] - sum(taken["quantity"] for taken in _taken(order))
    each = words.money(part["earns"]["amount"] // part["quantity"], part["earns"]["currency"])
    return {
        "code": order["code"],
        "title": _title(order),
        "quantity": left if unanswered and order["brief"] else part["quantity"],
        "earns": _money(part["earns"], words),
        "earns_each": each,
        "refused": part["refused"],
        "kiosk": kiosk,
        "due": _day(part["promised_on"] or (order["brief"] or {}).get("due_on"), words),
    }


def _title(order: Mapping[str, Any]) -> str:
    return str((order["product"] or order["brief"])["title"])


def _day(written: str | None, words: Words) -> str:
    return words.day(date.fromisoformat(written)) if written else ""


def _money(money: Mapping[str, Any], words: Words) -> str:
    return words.money(money["amount"], money["currency"])

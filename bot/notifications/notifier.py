"""Notifies people of the marketplace's events: queues the messages to the people whom an event concerns.

The messages are queued in the event consumer's transaction. The key of a message consists of the event and the
recipient, or of the part that was received, so each message is sent once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.orm import Session

import locales
from bot.marketplace.event_details import (
    ArtisanData,
    EventDetails,
    OrderData,
    PartData,
    PaymentData,
    PayoutData,
    PayoutProgress,
    RefundData,
)
from bot.marketplace.wire import PayoutNotice, PurchaseNotice, ShippingNotice
from bot.messaging import queue, rendering
from bot.messaging.queue import JOINED, NewMessage, Priority
from bot.messaging.sealing import Seal
from bot.notifications import agents, holds, purchases, templates
from bot.runtime.clock import Clock
from flows import kit, msisdn
from flows.kit import Words
from marketplace_api.shop import Ids
from state import messages

CURSOR = "announcements"
"""The stored name of the event consumer's position."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """Queues the messages about events."""

    clock: Clock
    ids: Ids
    languages: Sequence[str]
    ussd_code: str
    country: str
    """ISO 3166; phone numbers of this country are written as people dial them there."""
    seal: Seal
    privacy_link: str
    is_on: bool = True
    """False where a bot on another server notifies the people of this shop."""

    def handle(self, session: Session, event: EventDetails) -> None:
        """Queue all messages about an event."""
        if not self.is_on:
            return
        conn, now = session.connection(), self.clock()
        for message in self._messages(event, conn):
            queue.add(conn, message, self.ids.new_id("msg"), now)

    def _messages(self, event: EventDetails, conn: Connection) -> Iterator[NewMessage]:
        match event.data:
            case OrderData() as order:
                yield from self._about_order(event, order, conn)
            case PayoutData() as payout if event.notice:
                yield from self._about_payout(event, payout, event.notice, conn)
            case ArtisanData() as artisan if event.type == "artisan.payout_changed":
                yield from self._about_payout_method(event, artisan, conn)
            case ArtisanData() as artisan if event.type == "artisan.registered":
                yield from self._about_privacy(event, artisan, conn)
            case PaymentData() | RefundData() as money if event.purchase:
                yield from self._about_money(event, money, event.purchase, conn)

    def _about_order(self, event: EventDetails, order: OrderData, conn: Connection) -> Iterator[NewMessage]:
        if wording := templates.to_buyer(event, order):
            yield self._to_buyer(event, order, wording, conn)
        for number, part in enumerate(order.assignments):
            if wording := templates.to_artisan(event, order, part):
                message = self._to_artisan(event, order, part, wording, conn)
                is_receipt = wording is templates.GOODS_RECEIVED
                # a part is received once, and two parts may be received at the same time
                yield replace(message, key=f"{order.id}:received:{number}") if is_receipt else message
        if event.shipping:
            yield self._to_agent(event, order, event.shipping, conn)

    def _to_buyer(self, event: EventDetails, order: OrderData, wording: kit.Wording, conn: Connection) -> NewMessage:
        words = self._words(conn, order.buyer.phone, order.buyer.locale)
        fields = {**templates.buyer_fields(order, words), "back": purchases.back(event.purchase, words)}
        message = _message(event, order.id, "buyer", order.buyer.phone, words, wording, fields)
        return replace(message, true_while=templates.order_true_while(event.type))

    def _about_money(
        self, event: EventDetails, data: PaymentData | RefundData, notice: PurchaseNotice, conn: Connection
    ) -> Iterator[NewMessage]:
        """The message to a buyer about a payment or a refund."""
        if wording := purchases.about_money(event, data, notice):
            words = self._words(conn, notice.phone, notice.locale)
            fields = purchases.payment_fields(data, notice, words)
            yield _message(event, data.id, "buyer", notice.phone, words, wording, fields)

    def _to_artisan(
        self, event: EventDetails, order: OrderData, part: PartData, wording: kit.Wording, conn: Connection
    ) -> NewMessage:
        artisan = event.artisans[part.artisan.id]
        words = self._words(conn, artisan.msisdn, artisan.language)
        fields = templates.artisan_fields(order, part, artisan.kiosk, words)
        message = _message(event, order.id, artisan.id, artisan.msisdn, words, wording, fields)
        return replace(message, true_while=templates.part_true_while(event.type, part))

    def _to_agent(self, event: EventDetails, order: OrderData, notice: ShippingNotice, conn: Connection) -> NewMessage:
        words = self._words(conn, notice.agent, self.languages[0])
        fields = agents.shipping_fields(order, notice, words)
        message = _message(event, order.id, notice.kiosk_id, notice.agent, words, agents.SHIP_IT, fields)
        return replace(message, true_while=agents.WHILE_AT_KIOSK)

    def _about_payout(
        self, event: EventDetails, payout: PayoutData, notice: PayoutNotice, conn: Connection
    ) -> Iterator[NewMessage]:
        """The message to the artisan and, for cash, a receipt to the agent who paid it."""
        artisan, receipt = notice.artisan, notice.receipt
        if wording := templates.to_payee(event, payout, notice):
            words = self._words(conn, artisan.msisdn, artisan.language)
            known = templates.payee_fields(notice, words)
            payee = {**known, "ussd_code": self.ussd_code, "phone": self._written(notice.phone)}
            message = _message(event, payout.id, artisan.id, artisan.msisdn, words, wording, payee)
            message = queue.without_codes(message, [notice.cash_code or ""], self.seal)
            message = replace(message, true_while=templates.payout_true_while(event.type, payout))
            # a code for cash passes STOP, and word of a payout that waits does not
            yield replace(message, topic="payout.held") if payout.status is PayoutProgress.HELD else message
        if event.type == "payout.collected" and receipt:
            words = self._words(conn, receipt.agent, self.languages[0])
            fields = agents.receipt_fields(notice, receipt, words)
            yield _message(event, payout.id, receipt.kiosk_id, receipt.agent, words, agents.HANDED_OUT, fields)

    def _about_payout_method(self, event: EventDetails, data: ArtisanData, conn: Connection) -> Iterator[NewMessage]:
        """The messages to the artisan's own phone and to the one that was paid before.

        Another person may have used one of them to change the method.
        """
        artisan = event.artisans[data.id]
        recipients = [(artisan.id, artisan.msisdn, holds.to_artisan(data))]
        if before := holds.old_phone(data, artisan.msisdn):
            recipients.append(("old phone", before, holds.to_old_phone(data)))
        for recipient, phone, wording in recipients:
            words = self._words(conn, phone, artisan.language)
            fields = {**holds.method_fields(data, artisan, words), "phone": self._written(data.payout.phone)}
            yield _message(event, data.id, recipient, phone, words, wording, fields)

    def _about_privacy(self, event: EventDetails, data: ArtisanData, conn: Connection) -> Iterator[NewMessage]:
        """Once, also for one who joins again: what is kept of an artisan who joined by phone, and a link to more."""
        artisan = event.artisans[data.id]
        if event.is_by(artisan.msisdn) and not messages.has_topic(conn, artisan.msisdn, JOINED):
            words = self._words(conn, artisan.msisdn, artisan.language)
            fields = {"link": self.privacy_link}
            yield _message(event, data.id, artisan.id, artisan.msisdn, words, templates.JOINED, fields)

    def _written(self, phone: str | None) -> str:
        return msisdn.written(phone, self.country) if phone else ""

    def _words(self, conn: Connection, msisdn: str, default: str) -> Words:
        """The words of the recipient's chosen language, or of `default`, the language of the order or registration."""
        return rendering.words_for(conn, msisdn, locales.best_match(default, self.languages))


def _message(
    event: EventDetails,
    about: str,
    recipient: str,
    msisdn: str,
    words: Words,
    wording: kit.Wording,
    fields: Mapping[str, object],
) -> NewMessage:
    """A message; `about` is the id of the event's resource, `recipient` makes the key unique within the event."""
    is_reminder = event.type in ("order.reminded", "order.shipping_reminded", "order.delivery_asked")
    return NewMessage(
        key=f"{event.id}:{recipient}",
        msisdn=msisdn,
        text=rendering.render_sms(words, wording, fields),
        language=words.language,
        topic="reminder.order" if is_reminder else event.type,
        about=about,
        priority=Priority.REMINDER if is_reminder else Priority.NOTIFICATION,
    )

"""The wordings of messages about payouts that wait, and about another phone or way for payouts.

Each message has versions, longest first; the longest one that fits, and whose fields are known, is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.marketplace.event_details import ArtisanData, PayoutWay
from bot.marketplace.wire import ArtisanContact, PayoutNotice
from flows import kit
from flows.kit import N_, Words
from marketplace_api.statuses import HoldReason

# -- a payout is held

UNTIL_SHIPPED = N_(
    "Soko: your {amount} for order {order} is paid when {kiosk} has shipped it. It stays owed to you.",
    "Soko: your {amount} for order {order} is paid when it is shipped. It stays owed to you.",
)
UNTIL_DAY = N_(
    "Soko: your {amount} for order {order} is sent from {until} on, because your payout phone is new.",
    "Soko: your {amount} for order {order} waits, because your payout phone is new.",
)
TOMORROW = N_("Soko: your {amount} for order {order} is paid tomorrow, because there is a limit for each day.")
DISPUTED = N_("Soko: your {amount} for order {order} waits: we have a question about it. Reply CALL.")
WAITS = N_("Soko: your {amount} for order {order} waits. It stays owed to you. Questions? Reply CALL.")

HELD: Mapping[HoldReason | None, kit.Wording] = {
    "large": UNTIL_SHIPPED,
    "first": UNTIL_SHIPPED,
    "new_phone": UNTIL_DAY,
    "day_cap": TOMORROW,
    "disputed": DISPUTED,
}

# -- another way of payment

PAID_ON_A_PHONE = N_("Soko: your money now goes to phone {phone}. If you did not ask for this, reply CALL.")
PAID_ON_A_PHONE_FROM = N_("Soko: from {until} your money goes to phone {phone}. Not you? Reply CALL.")
PAID_IN_CASH = N_(
    "Soko: you now get your money in cash at {kiosk}. If you did not ask for this, reply CALL.",
    "Soko: you now get your money in cash at your kiosk. If you did not ask for this, reply CALL.",
)
# to the phone that was paid before, which may be another person's
OLD_PHONE = N_(
    "Soko: the money of {artisan} came to this phone. From {until} it goes to {masked}. Not right? Reply CALL.",
    "Soko: payouts to this phone end. From {until} they go to {masked}. Not right? Reply CALL.",
    "Soko: payouts to this phone end. They go to {masked}. Not right? Reply CALL.",
)
OLD_PHONE_CASH = N_(
    "Soko: the money of {artisan} came to this phone. Now it is paid in cash at {kiosk}. Not right? Reply CALL.",
    "Soko: payouts to this phone end. They are now paid in cash at the kiosk. Not right? Reply CALL.",
)


def held(reason: str | None) -> kit.Wording:
    """The message that a payout is held, by its `HoldReason`; a shop may give one that this version does not know."""
    return next((wording for known, wording in HELD.items() if known == reason), WAITS)


def to_artisan(data: ArtisanData) -> kit.Wording:
    """The message about a changed payout method to the artisan's own phone."""
    if data.payout.method is PayoutWay.KIOSK_CASH:
        return PAID_IN_CASH
    return PAID_ON_A_PHONE_FROM if data.held_until else PAID_ON_A_PHONE


def to_old_phone(data: ArtisanData) -> kit.Wording:
    """The message about a changed payout method to the phone that was paid before."""
    return OLD_PHONE_CASH if data.payout.method is PayoutWay.KIOSK_CASH else OLD_PHONE


def old_phone(data: ArtisanData, own: str) -> str | None:
    """The phone that was paid before, if it is another one than the new one and the artisan's `own`."""
    before = data.previous.phone if data.previous else None
    return before if before not in (None, own, data.payout.phone) else None


def method_fields(data: ArtisanData, contact: ArtisanContact, words: Words) -> Mapping[str, object]:
    """The fields of both messages but `phone`; `masked` shows only the last digits of the new phone."""
    phone = data.payout.phone
    return {
        "artisan": contact.name,
        "kiosk": contact.kiosk,
        "until": words.day(data.held_until) if data.held_until else "",
        "masked": f"...{phone[-3:]}" if phone else "",
    }


def until(notice: PayoutNotice, words: Words) -> str:
    """The day from which a new phone is paid; empty if it is paid already."""
    return words.day(notice.held_until) if notice.held_until else ""

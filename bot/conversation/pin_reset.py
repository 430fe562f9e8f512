"""Resets a forgotten PIN: the artisan is sent a one-time code, and the agent of the artisan's kiosk types it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.marketplace.port import MarketplaceSession
from bot.marketplace.wire import ArtisanContact
from bot.messaging import queue, rendering
from bot.messaging.queue import NewMessage, Priority
from bot.messaging.sealing import Seal
from bot.messaging.still_true import TrueWhile
from flows import kit
from flows.commands import Outcome
from flows.kit import N_
from marketplace_api.shop import Ids
from state import pins
from state.pins import Hashes

OFFERED = N_(
    "Soko: {kiosk} wants to remove your PIN. Did you ask? Tell your agent this code: {pin_code}. "
    "If not, tell nobody. It works for 30 minutes.",
    "Soko: to remove your PIN, tell your kiosk agent this code: {pin_code}. Did you not ask? Tell nobody.",
    "Soko: code to remove your PIN: {pin_code}. Only for your kiosk agent.",
)
RESET = N_(
    "Soko: your PIN was removed at {kiosk}. You choose a new one when you change how you are paid. "
    "If you did not ask, reply CALL.",
    "Soko: your PIN was removed. If you did not ask for this, reply CALL.",
)


@dataclass(frozen=True, slots=True)
class PinReset:
    """The two steps of a reset, on behalf of an agent, in one transaction each. `key` makes the message unique."""

    market: MarketplaceSession
    conn: Connection
    ids: Ids
    hashes: Hashes
    now: datetime
    key: str
    seal: Seal

    def offer(self, msisdn: str, digits: str) -> Outcome:
        """Send the artisan with this phone the one-time code `digits`; done with the artisan's name.

        Rejected with `not_yours` or `locked`. Raises HashNeeded.
        """
        artisan = self.market.artisan_of_kiosk(msisdn)
        if artisan is None:
            return Outcome("rejected", "not_yours")
        if not pins.offer_reset(self.conn, msisdn, digits, self.hashes, self.now):
            return Outcome("rejected", "locked")
        holds = TrueWhile(until=self.now + pins.RESET_HOLDS)
        self._send(artisan, OFFERED, {"pin_code": digits}, holds)
        return Outcome("done", values={"artisan": artisan.name})

    def redeem(self, msisdn: str, digits: str) -> Outcome:
        """Delete the PIN if the code is right, and tell the artisan.

        Rejected with `not_yours`, `wrong_code`, `locked` or `expired`. Raises HashNeeded.
        """
        artisan = self.market.artisan_of_kiosk(msisdn)
        if artisan is None:
            return Outcome("rejected", "not_yours")
        verdict = pins.redeem_reset(self.conn, msisdn, digits, self.hashes, self.now)
        if verdict != "right":
            return Outcome("rejected", "wrong_code" if verdict == "wrong" else verdict)
        self._send(artisan, RESET, {})
        return Outcome("done", values={"artisan": artisan.name})

    def _send(
        self,
        artisan: ArtisanContact,
        wording: kit.Wording,
        fields: Mapping[str, object],
        true_while: TrueWhile | None = None,
    ) -> None:
        """Queue a message as a reply, so that it is sent even after STOP: the artisan asked for it, or has to know."""
        words = rendering.words_for(self.conn, artisan.msisdn, artisan.language)
        body = rendering.render_sms(words, wording, {"kiosk": artisan.kiosk, **fields})
        message = NewMessage(
            f"pin:{self.key}",
            artisan.msisdn,
            body,
            words.language,
            topic="reply",
            priority=Priority.REPLY,
            true_while=true_while,
        )
        message = queue.without_codes(message, [str(fields.get("pin_code", ""))], self.seal)
        queue.add(self.conn, message, self.ids.new_id("msg"), self.now)

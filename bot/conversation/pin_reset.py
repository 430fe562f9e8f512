"""A forgotten PIN: the artisan is texted a one-time code, and her kiosk agent, whom she tells it, types it for her."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.marketplace.port import ArtisanContact, MarketplaceSession
from bot.messaging import queue, rendering
from bot.messaging.queue import REPLY, NewMessage
from flows import kit
from flows.commands import Outcome
from flows.kit import N_
from marketplace_api.shop import Ids
from state import pins

DIGITS = 6

OFFERED = N_(
    "Soko: {kiosk} asks to reset your PIN. If you want that, tell your agent this code: {pin_code}. "
    "If not, tell nobody. It holds 30 minutes.",
    "Soko: to reset your PIN, tell your kiosk agent this code: {pin_code}. Did you not ask? Tell nobody.",
    "Soko: code to reset your PIN: {pin_code}. Only for your kiosk agent.",
)
RESET = N_(
    "Soko: your PIN was reset at {kiosk}. You choose a new one when it is next asked. Was that not you? Text CALL.",
    "Soko: your PIN was reset. Was that not you? Text CALL.",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an agent stands in one transaction. `key` names what is done there, however often it is met."""

    market: MarketplaceSession
    conn: Connection
    ids: Ids
    pepper: bytes
    now: datetime
    key: str

    def offer(self, msisdn: str) -> Outcome:
        """Texts the artisan a code; done with her name."""
        artisan = self.market.artisan_of_kiosk(msisdn)
        if artisan is None:
            return Outcome("rejected", "not_yours")
        digits = f"{self.ids.random.randrange(10**DIGITS):0{DIGITS}}"
        if not pins.offer_reset(self.conn, msisdn, digits, self.pepper, self.now):
            return Outcome("rejected", "locked")
        self._text(artisan, OFFERED, {"pin_code": digits})
        return Outcome("done", values={"artisan": artisan.name})

    def redeem(self, msisdn: str, digits: str) -> Outcome:
        """Takes the code; she is told that her PIN is gone."""
        artisan = self.market.artisan_of_kiosk(msisdn)
        if artisan is None:
            return Outcome("rejected", "not_yours")
        verdict = pins.redeem_reset(self.conn, msisdn, digits, self.pepper, self.now)
        if verdict != "right":
            return Outcome("rejected", "wrong_code" if verdict == "wrong" else verdict)
        self._text(artisan, RESET, {})
        return Outcome("done", values={"artisan": artisan.name})

    def _text(self, artisan: ArtisanContact, said: kit.Wording, fields: Mapping[str, object]) -> None:
        """To her own phone, even after STOP: she has asked for it, or has to know."""
        words = rendering.words_for(self.conn, artisan.msisdn, artisan.language)
        body = rendering.render_sms(words, said, {"kiosk": artisan.kiosk, **fields})
        text = NewMessage(f"pin:{self.key}", artisan.msisdn, body, words.language, topic="reply", priority=REPLY)
        queue.add(self.conn, text, self.ids.new_id("msg"), self.now)

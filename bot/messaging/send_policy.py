"""The send policy: decides by its kind whether a message may be sent now.

reply           the recipient asked for it: always, unless the same text is sent in a loop
security        where the recipient's money goes, and codes: as a reply
notification    about the recipient's orders and money: not after STOP, and not beyond the hourly cap
promotion       reminders and broadcasts: also not at night, and not to numbers that block promotions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import NumberParseException, timezone

from bot.messaging.queue import is_promotion, is_reply, is_security
from state.messages import Message, RecentMessage
from state.people import PersonRecord

HOUR = timedelta(hours=1)
LOOP_WINDOW = timedelta(minutes=30)
LOOP_LIMIT = 5
"""How often one phone may get the same text within `LOOP_WINDOW`; if more often, two machines answer each other."""
_STEP = timedelta(minutes=15)

HoldReason = Literal["hourly cap", "quiet hours"]
SuppressReason = Literal["opted out", "promotions off", "loop"]


@dataclass(frozen=True, slots=True)
class Held:
    """The message may not be sent now; check again at `until`."""

    until: datetime
    reason: HoldReason


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The message may not be sent at all."""

    reason: SuppressReason


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """The rules of one shop: `quiet` is when quiet hours begin and end, `timezone` the time zone of `country`."""

    quiet: tuple[time, time]
    hourly_cap: int
    country: str
    timezone: ZoneInfo

    def objection(
        self, message: Message, person: PersonRecord | None, recent: Sequence[RecentMessage], now: datetime
    ) -> Held | Suppressed | None:
        """Why a message may not be sent now, or None; `recent` is what its phone was sent within the last hour."""
        others = [each for each in recent if each.id != message.id]
        if suppressed := _unwanted(message, person) or _looping(message, others, now):
            return suppressed
        if is_reply(message.topic) or is_security(message.topic):
            return None
        unasked = sorted(each.at for each in others if not is_reply(each.topic))
        if len(unasked) >= self.hourly_cap:
            return Held(unasked[-self.hourly_cap] + HOUR, "hourly cap")
        if is_promotion(message.topic) and self.is_quiet(message.msisdn, now):
            return Held(self.quiet_until(message.msisdn, now), "quiet hours")
        return None

    def is_quiet(self, msisdn: str, now: datetime) -> bool:
        """True if quiet hours apply to a phone: in at least half of the time zones of its number."""
        zones = _zones(msisdn, self.country, self.timezone)
        return 2 * sum(self._is_quiet_at(now.astimezone(zone).time()) for zone in zones) >= len(zones)

    def quiet_until(self, msisdn: str, now: datetime) -> datetime:
        """When quiet hours end for a phone, to the quarter of an hour."""
        at = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        return next(later for later in (at + n * _STEP for n in range(1, 97)) if not self.is_quiet(msisdn, later))

    def quiet_at_home_until(self, now: datetime) -> datetime | None:
        """When quiet hours end in the shop's own country; None outside of them."""
        return self.quiet_until("", now) if self.is_quiet("", now) else None

    def _is_quiet_at(self, clock: time) -> bool:
        begins, ends = self.quiet
        return clock >= begins or clock < ends if begins > ends else begins <= clock < ends


def _unwanted(message: Message, person: PersonRecord | None) -> Suppressed | None:
    if person is None or is_reply(message.topic) or is_security(message.topic):
        return None
    if person.opted_out_at:
        return Suppressed("opted out")
    if person.promotions_off_at and is_promotion(message.topic):
        return Suppressed("promotions off")
    return None


def _looping(message: Message, recent: Sequence[RecentMessage], now: datetime) -> Suppressed | None:
    if message.sealed:  # the codes differ, which the stored texts do not show
        return None
    same = sum(each.text == message.text for each in recent if each.at > now - LOOP_WINDOW)
    return Suppressed("loop") if same >= LOOP_LIMIT else None


@lru_cache(maxsize=10_000)
def _zones(msisdn: str, country: str, home: ZoneInfo) -> tuple[ZoneInfo, ...]:
    """The time zones of a number; `home` for numbers of `country` and for those without a known zone."""
    try:
        number = phonenumbers.parse(msisdn)
        if phonenumbers.region_code_for_number(number) == country:
            return (home,)
        return tuple(ZoneInfo(name) for name in timezone.time_zones_for_number(number))
    except (NumberParseException, ZoneInfoNotFoundError):  # no country has this number, or its zone is `Etc/Unknown`
        return (home,)

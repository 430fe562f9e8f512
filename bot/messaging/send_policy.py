"""Whether a text may leave now: what its person wants, the hour where she is, and how much she has had already.

an answer        what she asked for: always, unless it goes round in a loop
news             of her orders and money: not after STOP, and not by the hundred
a promotion      reminders and broadcasts: nor at night, nor to whom her network shields from them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import NumberParseException, timezone

from bot.messaging.queue import is_answer, is_promotion
from state.messages import Message, RecentMessage
from state.people import PersonRecord

HOUR = timedelta(hours=1)
LOOP = timedelta(minutes=30)
ALIKE_AT_MOST = 5
"""How often the same words may go to one phone within `LOOP`: beyond it two machines talk to each other."""
LOOPS = "loop"
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Held:
    """Not yet: it may be asked again at `until`."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Never."""

    why: str


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """The rules of one shop. `quiet` is when nights begin and end; `timezone` is the clock of `country`."""

    quiet: tuple[time, time]
    hourly_cap: int
    country: str
    timezone: ZoneInfo

    def objection(
        self, text: Message, person: PersonRecord | None, had: Sequence[RecentMessage], now: datetime
    ) -> Held | Suppressed | None:
        """What speaks against sending a text now; `had` is what its phone was sent within the last hour."""
        others = [each for each in had if each.id != text.id]
        if refusal := _unwanted(text, person) or _loops(text, others, now):
            return refusal
        if is_answer(text.topic):
            return None
        unasked = sorted(each.at for each in others if not is_answer(each.topic))
        if len(unasked) >= self.hourly_cap:
            return Held(unasked[-self.hourly_cap] + HOUR, "hourly cap")
        if is_promotion(text.topic) and self.is_night(text.msisdn, now):
            return Held(self.morning(text.msisdn, now), "quiet hours")
        return None

    def is_night(self, msisdn: str, now: datetime) -> bool:
        """Whether it is night at a phone: in most of the zones where its number may be."""
        zones = _zones(msisdn, self.country, self.timezone)
        return 2 * sum(self._is_quiet(now.astimezone(zone).time()) for zone in zones) >= len(zones)

    def morning(self, msisdn: str, now: datetime) -> datetime:
        """When the night ends, to the quarter of an hour."""
        at = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        return next(later for later in (at + n * _STEP for n in range(1, 97)) if not self.is_night(msisdn, later))

    def _is_quiet(self, clock: time) -> bool:
        begins, ends = self.quiet
        return clock >= begins or clock < ends if begins > ends else begins <= clock < ends


def _unwanted(text: Message, person: PersonRecord | None) -> Suppressed | None:
    if person is None or is_answer(text.topic):
        return None
    if person.opted_out_at:
        return Suppressed("opted out")
    if person.promotions_off_at and is_promotion(text.topic):
        return Suppressed("promotions off")
    return None


def _loops(text: Message, had: Sequence[RecentMessage], now: datetime) -> Suppressed | None:
    alike = sum(each.text == text.text for each in had if each.at > now - LOOP)
    return Suppressed(LOOPS) if alike >= ALIKE_AT_MOST else None


@lru_cache(maxsize=10_000)
def _zones(msisdn: str, country: str, home: ZoneInfo) -> tuple[ZoneInfo, ...]:
    """Where a phone may be, by its number; at home when it says nothing."""
    try:
        number = phonenumbers.parse(msisdn)
        if phonenumbers.region_code_for_number(number) == country:
            return (home,)
        return tuple(ZoneInfo(name) for name in timezone.time_zones_for_number(number))
    except (NumberParseException, ZoneInfoNotFoundError):  # of no country, or `Etc/Unknown`
        return (home,)

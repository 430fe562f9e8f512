"""Makes a transcript of what people said, from log lines that were written with `LOG_DIALOGUES=on`.

    {"event": "a person answered", "logger": "bot.conversation.heard", "msisdn": "+25471***111", "said": "1", …}

    ! phone caller +254711000101
    @ caller ussd en
    > *384*22#
    > 1

Numbers are masked in the log, so each gets a stand-in: a person of the demo with the same role, or a new number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.conversation import heard
from bot.demo.seed import ARTISANS, KIOSKS
from bot.simulator.recording import SHORTEST_WAIT, duration

MASKED, STAND_IN = "***", "9999"
_NEW = "+2547110009{:02}"
_DEMO: dict[str, list[str]] = {
    "artisan": [artisan.msisdn for artisan in ARTISANS],
    "agent": [agent for *_, agent in KIOSKS],
}


def transcript_of(lines: Iterable[str], caller: str | None = None, *, ussd_code: str = "*384*22#") -> str:
    """The transcript without answers; of one masked `caller`, such as `+25471***111`, or of all.

    Lines of other loggers, and lines that are not JSON, are left out. Raises ValueError if nothing is left.
    """
    events = [event for event in _events(lines) if caller in (None, event["msisdn"])]
    if not events:
        raise ValueError("no line says what a person said: is LOG_DIALOGUES on, and are the lines JSON?")
    return "\n".join(_Writer(events, ussd_code).lines()) + "\n"


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        start = line.find("{")
        try:
            event = json.loads(line[start:]) if start >= 0 else None
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("logger") == heard.__name__:
            yield event


@dataclass(slots=True)
class _Writer:
    events: Sequence[dict[str, Any]]
    ussd_code: str
    names: dict[str, str] = field(default_factory=dict)
    """By masked number."""
    given: set[str] = field(default_factory=set)
    """The stand-in numbers in use."""

    def lines(self) -> Iterator[str]:
        begun = _time(self.events[0]).replace(microsecond=0)
        yield "# From a log. Letters are x and digits are 9, but for menus, keywords, yes and no."
        yield f"! clock {begun.isoformat().replace('+00:00', 'Z')}"
        yield "! demo"
        for event in self.events:
            if event["msisdn"] not in self.names:
                name = f"caller{len(self.names) + 1 if self.names else ''}"
                self.names[event["msisdn"]] = name
                yield f"! phone {name} {self._stand_in(event.get('role', ''))}"
        yield from self._said(begun)

    def _stand_in(self, role: str) -> str:
        new = (_NEW.format(number) for number in range(100))
        number: str = next(each for each in (*_DEMO.get(role, ()), *new) if each not in self.given)
        self.given.add(number)
        return number

    def _said(self, last: datetime) -> Iterator[str]:
        acting = ("", "")
        for event in self.events:
            gap = _time(event) - last
            if gap >= SHORTEST_WAIT:
                last = last + gap
                yield f"! wait {duration(int(gap.total_seconds()))}"
            acts = (self.names[event["msisdn"]], "ussd" if event["channel"] == "ussd" else "sms")
            if acts != acting:
                language = event.get("language", "") if acting[0] != acts[0] else ""
                acting = acts
                yield ""
                yield f"@ {' '.join((*acts, language))}".rstrip()
            if at := event.get("at"):
                yield f"# at {at}"
            yield self._line(event)

    def _line(self, event: dict[str, Any]) -> str:
        said: str = str(event["said"]).replace(MASKED, STAND_IN).replace("\n", "\\n")
        match event["event"]:
            case "a call was dropped":
                return "! drop"
            case "a phone dialled":
                return f"> {self.ussd_code.removesuffix('#')}*{said}#" if said else f"> {self.ussd_code}"
            case _:
                return f"> {said}".rstrip()


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])

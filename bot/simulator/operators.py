"""The operators whose networks simulated phones may be in, as data.

Limits of Kenyan networks are those that Africa's Talking publishes: https://help.africastalking.com (USSD limits).
A USSD string has at most 160 octets (3GPP TS 23.038): 182 characters of GSM-7, or 80 of UCS-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.providers.africastalking import SIMULATED_NETWORK
from flows import gsm7

GSM7_CHARS, UCS2_CHARS = 182, 80


@dataclass(frozen=True, slots=True)
class Operator:
    """A network. A call ends after `session`, or after `idle` without an answer; None is no limit.

    It shows at most `screen_chars` of a screen, and sends at most `input_chars` of an answer. With
    `sends_last_answer`, its hops carry the last answer instead of all answers so far.
    """

    name: str
    title: str
    network_code: str
    session: timedelta | None
    idle: timedelta | None
    screen_chars: int = GSM7_CHARS
    input_chars: int = 80
    sends_last_answer: bool = False

    def shown(self, screen: str) -> str:
        """What a phone shows of a screen; a screen of ours that is cut would be a defect of ours."""
        return screen[: self.screen_chars if gsm7.is_gsm7(screen) else UCS2_CHARS]

    def is_over(self, since_dialled: timedelta, since_answered: timedelta) -> bool:
        """Whether the network has ended a call by now."""
        is_long = self.session is not None and since_dialled > self.session
        return is_long or (self.idle is not None and since_answered > self.idle)


CALL_ENDS_AFTER_S, IDLE_ENDS_AFTER_S = 180, 30
"""After so many seconds most networks end a call, and one in which nobody answers; the page warns by these."""


def _network(name: str, title: str, code: str, session_s: int, idle_s: int, **more: int | bool) -> Operator:
    return Operator(name, title, code, timedelta(seconds=session_s), timedelta(seconds=idle_s), **more)  # type: ignore[arg-type]


SANDBOX = Operator("sandbox", "Africa's Talking's sandbox", "99999", None, None, input_chars=160)
"""The network of a phone for which none was chosen: it never ends a call."""
OPERATORS = {
    operator.name: operator
    for operator in (
        SANDBOX,
        _network("safaricom", "Safaricom Kenya", "63902", CALL_ENDS_AFTER_S, IDLE_ENDS_AFTER_S, screen_chars=160),
        _network("airtel", "Airtel Kenya", "63903", CALL_ENDS_AFTER_S, 60, input_chars=90),
        _network("equitel", "Equitel", "63999", CALL_ENDS_AFTER_S, IDLE_ENDS_AFTER_S, screen_chars=160),
        _network("hurried", "a network with a short idle clock", "99997", 90, 10, screen_chars=160),
        _network(
            "last-answer",
            "a network that sends the last answer only",
            SIMULATED_NETWORK,
            CALL_ENDS_AFTER_S,
            IDLE_ENDS_AFTER_S,
            sends_last_answer=True,
        ),
    )
}

"""A screen, and how it is made to fit the channel that carries it.

CON What are you selling?
0. Back
00. Home
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from flows import gsm7


@dataclass(frozen=True, slots=True)
class Channel:
    """A budget and a way to end. `units` counts GSM-7 septets, `wide` UCS-2 units."""

    name: str
    septets: int
    ucs2_units: int
    continue_prefix: str = ""
    end_prefix: str = ""
    shows_navigation: bool = True

    def room(self, text: str) -> int:
        """Units left when `text` is sent; negative when it does not fit."""
        septets = gsm7.septets(text)
        if septets is None:
            return self.ucs2_units - len(text.encode("utf-16-be", "surrogatepass")) // 2
        return self.septets - septets


# 160 octets by 3GPP TS 23.038; Safaricom shows 160 characters, and whether the prefix counts is not
# written anywhere, so it does. A UCS-2 screen carries half.
USSD = Channel("ussd", 160, 80, continue_prefix="CON ", end_prefix="END ")
SMS = Channel("sms", 160, 70, shows_navigation=False)
# Two parts, less the unit that is lost when a sign of two would be torn between them.
LONG_SMS = Channel("sms", 305, 133, shows_navigation=False)


@dataclass(frozen=True, slots=True)
class Screen:
    """What is to be shown: the body in versions, longest first, the options, the page's way on, the ways out."""

    bodies: Sequence[str]
    options: Sequence[tuple[str, str]] = ()
    more: tuple[str, str] | None = None
    navigation: Sequence[tuple[str, str]] = ()
    ends: bool = False

    def fits(self, channel: Channel) -> bool:
        """Whether its shortest form fits: without ways out, but with all its options and the way on."""
        return any(channel.room(text) >= 0 for text in self._forms(channel))

    def render(self, channel: Channel) -> str:
        """The fullest form within the channel's budget, `CON `/`END ` included.

        Ways out are dropped last-named first (they work unseen); when nothing fits, which the check of
        the whole book rules out, the shortest form is cut rather than refused.
        """
        last = ""
        for last in self._forms(channel):
            if channel.room(last) >= 0:
                return last
        while channel.room(last) < 0:
            last = last[:-1]
        return last

    def with_line_cut(self, channel: Channel) -> Screen:
        """A page of one line: should the line be too long for it, as much of it as leaves room to go on."""
        ((number, label),) = self.options
        cuts = (replace(self, options=[(number, label[:kept])]) for kept in range(len(label), -1, -1))
        return next((page for page in cuts if page.fits(channel)), self)

    def _forms(self, channel: Channel) -> Iterator[str]:
        prefix = channel.end_prefix if self.ends else channel.continue_prefix
        options = [*self.options, self.more] if self.more else self.options
        navigation = self.navigation if channel.shows_navigation else ()
        for kept in range(len(navigation), -1, -1):
            for body in self.bodies:
                yield prefix + _lines(body, chain(options, navigation[:kept]))


def _lines(body: str, numbered: Iterator[tuple[str, str]]) -> str:
    return "\n".join(chain([body] if body else [], (f"{number}. {label}" for number, label in numbered)))

"""A screen, and how it is made to fit the channel that carries it.

CON What are you selling?
0. Back
00. Home
"""

from __future__ import annotations

import encodings.utf_16_be  # noqa: F401 - otherwise the first hop would import it
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

import msgspec
from msgspec import structs

from flows import gsm7

CACHED_SCREENS = 1024


class Channel(msgspec.Struct, frozen=True):
    """How much a message on a channel may hold, and the prefixes that say whether the conversation continues."""

    name: str
    septets: int
    """The budget of a text in GSM-7."""
    ucs2_units: int
    """The budget, in 16-bit units, of a text with a character outside GSM-7."""
    continue_prefix: str = ""
    end_prefix: str = ""
    shows_navigation: bool = True
    """True if screens list *Back* and *Home*."""

    def room(self, text: str) -> int:
        """Units left when `text` is sent; negative if it does not fit."""
        septets = gsm7.septets(text)
        if septets is None:
            return self.ucs2_units - len(text.encode("utf-16-be", "surrogatepass")) // 2
        return self.septets - septets


# 160 octets by 3GPP TS 23.038. Safaricom shows 160 characters. No source says whether the prefix counts, so here it
# counts. A UCS-2 screen carries half.
USSD = Channel("ussd", 160, 80, continue_prefix="CON ", end_prefix="END ")
SMS = Channel("sms", 160, 70, shows_navigation=False)
# Two segments, minus the unit that is lost when a character of two units would be split between them.
LONG_SMS = Channel("sms", 305, 133, shows_navigation=False)


class Screen(msgspec.Struct, frozen=True):
    """What is to be shown: the body in versions, the longest first, then numbered lines."""

    bodies: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    """Number and label of each line to choose from."""
    more: tuple[str, str] | None = None
    """The line that turns the page."""
    navigation: tuple[tuple[str, str], ...] = ()
    """*Back* and *Home*."""
    ends: bool = False

    def fits(self, channel: Channel) -> bool:
        """True if the shortest form fits: without navigation, but with all options and the line for more."""
        return _fits(self, channel)

    def render(self, channel: Channel) -> str:
        """The fullest form within the channel's budget, `CON `/`END ` included.

        *Home* is left out first, then *Back*; both keys still work. If nothing fits, which the tests of all dialogues
        rule out, the shortest form is cut rather than rejected.
        """
        return _rendered(self, channel)

    def with_line_cut(self, channel: Channel) -> Screen:
        """For a page of one line: the screen with the label cut so that the line for more fits too."""
        ((number, label),) = self.options

        def cut(kept: int) -> Screen:
            return structs.replace(self, options=((number, label[:kept]),))

        # the first length that is too long; whatever is longer is too long as well
        too_long = bisect_left(range(len(label) + 1), True, key=lambda kept: not cut(kept).fits(channel))
        return cut(too_long - 1) if too_long else self

    def forms(self, channel: Channel, navigation: Sequence[tuple[str, str]]) -> Iterator[str]:
        """All forms with these lines of navigation or fewer, the fullest first."""
        prefix = channel.end_prefix if self.ends else channel.continue_prefix
        options = (*self.options, self.more) if self.more else self.options
        for kept in range(len(navigation), -1, -1):
            for body in self.bodies:
                yield prefix + _lines(body, chain(options, navigation[:kept]))


# Most screens are the same for many people.


@lru_cache(CACHED_SCREENS)
def _fits(screen: Screen, channel: Channel) -> bool:
    return any(channel.room(text) >= 0 for text in screen.forms(channel, ()))


@lru_cache(CACHED_SCREENS)
def _rendered(screen: Screen, channel: Channel) -> str:
    text = ""
    for text in screen.forms(channel, screen.navigation if channel.shows_navigation else ()):
        if channel.room(text) >= 0:
            return text
    while channel.room(text) < 0:
        text = text[:-1]
    return text


def _lines(body: str, numbered: Iterator[tuple[str, str]]) -> str:
    return "\n".join(chain([body] if body else [], (f"{number}. {label}" for number, label in numbered)))

"""Every reader, with texts of any kind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given

from flows import msisdn
from flows.reading import answers, codes, keywords, numbers, offers
from flows.reading.result import Unreadable

from .samples import KEYWORDS, LABELS, any_text


@given(any_text)
def test_any_text_is_read_or_raises_unreadable(text: str) -> None:
    readers: list[Callable[[], object]] = [
        lambda: numbers.money(text),
        lambda: numbers.money(text, "RWF"),
        lambda: numbers.quantity(text),
        lambda: msisdn.read(text, "KE"),
        lambda: answers.yes_no(text),
        lambda: answers.choice(text, LABELS),
        lambda: answers.choice(text, []),
        lambda: codes.read(text),
        lambda: keywords.tokens(text),
        lambda: keywords.match(text, KEYWORDS),
        lambda: offers.read(text),
    ]
    for read in readers:
        with suppress(Unreadable):
            read()

"""All keywords by their spelling: which flow a text opens, and what the text answers ahead.

table.match("SELL kiondo 1500", place)      ("sell", {"title": "kiondo", "price": "1500.00"})
table.match("K7P4 yes", place)              ("accept", {"code": "K7P4"})
table.language("ndiyo K7P4")                "sw"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from flows.reading import codes, keywords

from .flow import Flow, Keyword
from .turn import Place

CODES = frozenset({"code", "named"})
"""The questions for a code, in all flows."""

Use = tuple[str, Mapping[str, str]]
"""The name of a flow, and the answers given ahead."""


class KeywordTable:
    """The keywords of all flows; `by_word` gives the flow and keyword of each spelling."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        self.by_word: dict[str, tuple[Flow, Keyword]] = {
            word: (flow, keyword) for flow in flows for keyword in flow.keywords for word in keyword.words
        }
        self._canonical = {word: keyword.words[0] for word, (_, keyword) in self.by_word.items()}
        self._spellings = {word: word for word in self.by_word}

    def match(self, text: str, place: Place) -> Use | None:
        """What a text opens by a keyword at its beginning, or after a code; None if it does not use a keyword."""
        read = keywords.match(text, self._canonical)
        if read and read.certain and (use := self._use(*read.value, place)):
            return use
        read = keywords.match(_keyword_before_code(text), self._canonical)
        use = self._use(*read.value, place) if read and read.certain else None
        return use if use and use[1].keys() & CODES else None

    def misspelt(self, text: str, place: Place) -> tuple[str, str, Mapping[str, str]] | None:
        """The keyword that a text misspells, the flow it would open, and the answers it gives ahead."""
        read = keywords.match(text, self._canonical)
        use = self._use(*read.value, place) if read and not read.certain else None
        return (read.value[0], *use) if read and use else None

    def language(self, text: str) -> str | None:
        """The language of the keyword that a text uses; None if it uses none, or one of several languages."""
        for written in (text, _keyword_before_code(text)):
            read = keywords.match(written, self._spellings)
            if read and read.certain:
                word, _ = read.value
                return self.by_word[word][1].languages.get(word)
        return None

    def _use(self, word: str, rest: str, place: Place) -> Use | None:
        flow, keyword = self.by_word[word]
        prefill = keyword.fill(rest, place)
        return None if prefill is None else (flow.name, prefill)


def _keyword_before_code(text: str) -> str:
    """A text that begins with a code and numbers, with these moved to its end; empty for other texts."""
    found = codes.leading(keywords.tokens(text))
    if found is None:
        return ""
    code, rest = found
    numbers = list(takewhile(str.isdecimal, rest))
    return " ".join([*rest[len(numbers) :], code, *numbers]) if len(numbers) < len(rest) else ""

"""Questions with numbered lines: menus, lists in pages, confirmations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from flows.kit.conversation import Choice
from flows.kit.edges import Edge, Enter, Go, Then, targets
from flows.kit.navigation import MORE
from flows.kit.screen import LONG_SMS, Channel, Screen
from flows.kit.turn import Turn
from flows.kit.words import N_, Wording
from flows.market import OutOfReach
from flows.reading.answers import choice, yes_no
from flows.reading.result import Read, Unreadable

from .questions import Question

Items = Callable[[Turn], Sequence[Choice]]


class ListQuestion(Question):
    """Numbered lines, as many to a page as the channel carries. A number means the same line on every page."""

    example = N_("Please answer with a number from the list.", "Answer with a number.")

    def offer(self, turn: Turn) -> Sequence[Choice]:
        """The lines, in order. At most 97 are offered, since 98 turns the page."""
        raise NotImplementedError

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.choices = list(self.offer(turn))[: int(MORE) - 1]

    def lines_of(self, turn: Turn) -> Sequence[Choice]:
        """The lines as they were offered."""
        return turn.conversation.choices or (self.offer(turn) if self.has_fixed_lines else ())

    def read(self, turn: Turn, typed: str) -> Read[str]:
        choices = self.lines_of(turn)
        picked = choice(typed, [line.label for line in choices])
        line = choices[picked.value]
        turn.conversation.labels[self.name] = line.label
        return Read(line.value, picked.certain)

    def claims_keyword(self, turn: Turn, typed: str) -> bool:
        """True for a yes or no that is one of the lines."""
        try:
            return yes_no(typed).certain and self.read(turn, typed).certain
        except Unreadable:
            return False

    def options(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        """The number and label of each line from the current page on."""
        page = turn.conversation.page
        shown = str if self.verbatim else turn.words.sendable
        return tuple([(str(n), shown(line.label)) for n, line in enumerate(self.lines_of(turn)[page:], page + 1)])

    def screen(self, turn: Turn) -> Screen:
        """The current page: all remaining lines if they fit, otherwise as many as leave room for *More*."""
        return self.page(turn, self.bodies(turn))

    def page(self, turn: Turn, bodies: tuple[str, ...]) -> Screen:
        """The current page under one of these texts."""
        options = self.options(turn)
        remaining = Screen(bodies, options)
        if not options or remaining.fits(turn.channel):
            return remaining
        more = (MORE, turn.words.text(N_("More"))) if len(options) > 1 else None
        page, *longer = (Screen(bodies, options[:kept], more) for kept in range(1, max(2, len(options))))
        return [page.with_line_cut(turn.channel), *takewhile(lambda page: page.fits(turn.channel), longer)][-1]

    def more(self, turn: Turn) -> bool:
        """Turns to the next page; False if this is the last."""
        shown = len(self.screen(turn).options)
        next_page = turn.conversation.page + shown
        if next_page >= len(self.lines_of(turn)):
            return False
        turn.conversation.pages.append(next_page)
        turn.conversation.problem = []
        return True


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a menu, and where it leads."""

    label: str
    then: Then
    value: str = ""
    """What is kept as the answer; the label if empty."""


class Menu(ListQuestion):
    """Fixed lines, each with its own edge. Their numbers never change, because people remember sequences of digits.

    A dropped call does not continue at an `optional` one.
    """

    has_fixed_lines = True

    def __init__(self, name: str, text: Wording, *lines: Option, example: Wording = "", optional: bool = False) -> None:
        super().__init__(name, text, example=example)
        self.lines, self.optional = lines, optional
        self._offers: dict[Callable[[str], str], list[Choice]] = {}

    def offer(self, turn: Turn) -> Sequence[Choice]:
        """The lines, which are translated once for each language."""
        text = turn.words.text
        if text not in self._offers:
            self._offers[text] = [Choice(line.value or line.label, text(line.label)) for line in self.lines]
        return self._offers[text]

    def edges(self) -> Iterator[Edge]:
        for line in self.lines:
            yield from (Edge("answer", go, picked=line.value or line.label) for go in targets(line.then))

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        yield from (line.label for line in self.lines)


class PagedList(ListQuestion):
    """Lines that are looked up when the conversation arrives, and stay as they were offered until it leaves.

    `empty` is where to go if there is nothing to offer. With `pick_single`, a single line is taken without asking. With
    `verbatim`, lines keep letters that the language in use could not send. While the shop cannot be read, an answer
    that was given ahead is the only line, if `unseen` can read it as a value.
    """

    def __init__(
        self,
        name: str,
        text: Wording,
        *,
        items: Items,
        then: Then,
        empty: str | Enter | None = None,
        pick_single: bool = False,
        verbatim: bool = False,
        unseen: Callable[[str], str | None] = lambda _typed: None,
        example: Wording = "",
    ) -> None:
        super().__init__(name, text, then=then, example=example)
        self.unseen = unseen
        self.items, self.empty, self.pick_single, self.verbatim = items, empty, pick_single, verbatim

    def offer(self, turn: Turn) -> Sequence[Choice]:
        try:
            return self.items(turn)
        except OutOfReach:
            value = self.unseen(turn.conversation.prefill.get(self.name, ""))
            if value is None:
                raise
            return [Choice(value, value)]

    def edges(self) -> Iterator[Edge]:
        if self.empty is not None:
            yield Edge("skip", Go(self.empty, when=lambda turn: not turn.conversation.choices))
        yield from super().edges()


class Overview(PagedList):
    """A list whose first page has a text of its own, which is never left out for the sake of more lines.

    If no line fits under that text, the first page has only *More*. `heading` is the text of the other pages.
    """

    def __init__(self, name: str, text: Wording, *, heading: Wording, items: Items, then: Then, empty: str) -> None:
        super().__init__(name, text, items=items, then=then, empty=empty)
        self.heading = heading

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        yield self.heading

    def screen(self, turn: Turn) -> Screen:
        if turn.conversation.pages:
            return self.page(turn, (turn.say(self.heading),))
        bodies, options = self.bodies(turn), self.options(turn)
        for body in bodies:
            page = self.page(turn, (body,))
            if page.fits(turn.channel) and page.options[:1] == options[:1]:
                return page
        return Screen(bodies, (), (MORE, turn.words.text(N_("More"))))

    def channel(self, channel: Channel) -> Channel:
        """By text, the overview may have two segments."""
        return LONG_SMS if channel.name == "sms" else channel


class Confirm(ListQuestion):
    """A yes or no question; `label` is the line for yes."""

    has_fixed_lines = True
    resume_before = True

    def __init__(self, name: str, text: Wording, *, yes: str | Enter, no: str | Enter, label: str = N_("Yes")) -> None:
        super().__init__(name, text)
        self.yes, self.no, self.label = yes, no, label

    def offer(self, turn: Turn) -> Sequence[Choice]:
        return [Choice("yes", turn.words.text(self.label)), Choice("no", turn.words.text(N_("No")))]

    def read(self, turn: Turn, typed: str) -> Read[Any]:
        """Yes or no in any language, or one of the lines in the person's own."""
        try:
            return yes_no(typed)
        except Unreadable:
            picked = super().read(turn, typed)
            return Read(picked.value == "yes", picked.certain)

    def edges(self) -> Iterator[Edge]:
        yield Edge("answer", Go(self.yes), picked=True)
        yield Edge("answer", Go(self.no), picked=False)

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        yield self.label

"""The kinds of state a dialogue is made of.

- `Ask`, `AskMoney`, `AskQuantity`, `AskPhone`, `AskCode` put a question and keep what they could read.
- `AskDigits` and `AskPin` ask a secret, which is kept no longer than the command that needs it.
- `Menu` offers fixed lines, each with its own way on; `PagedList` offers lines that were looked up.
- `Confirm` asks yes or no.
- `Act` says nothing: the flow waits there while the hall performs its command.
- `Notice` says something; after it the conversation is over, unless it stays to be read.

A kind is a `transitions.State`: the flow's machine moves the conversation from one to the next, and a
refused answer is no transition, so the same state speaks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from transitions import EventData, State

from flows import msisdn
from flows.commands import Command
from flows.kit.checks import Check, RejectedAnswer
from flows.kit.conversation import Answer, Choice, Guess
from flows.kit.screen import LONG_SMS, Channel, Screen
from flows.kit.turn import Turn
from flows.kit.words import N_, Wording, versions
from flows.reading import answers, codes, numbers
from flows.reading.result import Read, Unreadable

Guard = Callable[[Turn], bool]
Items = Callable[[Turn], Sequence[Choice]]

BACK, HOME, MORE = "0", "00", "98"
SUGGESTED = "what_was_meant"
"""In place of a flow's name: the one that a misspelt keyword was about."""


@dataclass(frozen=True, slots=True)
class Enter:
    """The way into another flow, with some answers taken along as if she had just given them."""

    flow: str
    carry: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """An edge: where to, and when. Of several the first whose guard holds is taken."""

    to: str | Enter
    when: Guard | None = None


Then = str | Enter | Go | Sequence[Go]


def edges(then: Then) -> Sequence[Go]:
    """`then` as it is written in a play bill, spelt out."""
    if isinstance(then, Go):
        return (then,)
    return (Go(then),) if isinstance(then, str | Enter) else then


@dataclass(frozen=True, slots=True)
class Edge:
    """A row for the flow's machine."""

    trigger: str
    go: Go
    picked: Answer = None
    """For menus and confirmations: the answer that takes this edge."""

    @property
    def event(self) -> str:
        """What the machine calls it: a line that is picked is looked up, where guards are tried in turn."""
        return self.trigger if self.picked is None else picking(self.trigger, self.picked)


def picking(trigger: str, picked: Answer) -> str:
    return f"{trigger} {picked}"


class StateKind(State):
    """What all states share: a name, words, edges, and a screen."""

    has_screen = True
    is_question = False
    resume_before = False
    """Whether an answer from an old screen must not be taken: after a break it is asked from one before."""
    verbatim = False
    """Whether its screen is shown letter by letter, in whatever alphabet."""
    secret = False
    """Whether the answer must not outlive the command that needs it."""

    def __init__(self, name: str, text: Wording = "") -> None:
        super().__init__(name)
        self.text = text

    def enter(self, event_data: EventData) -> None:
        """The machine has come here: whatever the screen offers is looked up now, once."""
        (turn,) = event_data.args
        self.prepare(turn)

    def prepare(self, turn: Turn) -> None:
        turn.conversation.clear_screen_state()

    def edges(self) -> Iterator[Edge]:
        """The ways on, in the order they are tried."""
        yield from ()

    def interpret(self, turn: Turn, said: str) -> Answer:
        """What `said` means here. Raises Refused, or leaves a guess on the conversation to be confirmed."""
        raise NotImplementedError

    def can_read(self, turn: Turn, said: str) -> bool:
        """Whether `said` can be read as an answer here, be it a refused one."""
        return False

    def claims_keyword(self, turn: Turn, said: str) -> bool:
        """Whether `said` is an answer here although it is a keyword too (a YES to a question)."""
        return False

    def display(self, turn: Turn, value: Answer) -> str:
        """An answer given here, as later screens show it."""
        return turn.conversation.labels.get(self.name) or str(value)

    def messages(self) -> Iterator[Wording]:
        """Every piece of words here, for the proofs over the whole book."""
        if self.text:
            yield self.text

    def bodies(self, turn: Turn) -> list[str]:
        return [turn.words.sendable(turn.words.text(text).format_map(turn.fields)) for text in versions(self.text)]

    def screen(self, turn: Turn) -> Screen:
        return Screen(self.bodies(turn))

    def channel(self, channel: Channel) -> Channel:
        """The budget of this state on a channel."""
        return channel


class Question(StateKind):
    """A state that waits for an answer and keeps it under its own name."""

    is_question = True
    example: Wording = ""

    def __init__(
        self, name: str, text: Wording, *, then: Then = (), check: Check | None = None, example: Wording = ""
    ) -> None:
        super().__init__(name, text)
        self.then, self.check = then, check
        self.example = example or self.example

    def edges(self) -> Iterator[Edge]:
        return (Edge("answer", go) for go in edges(self.then))

    def read(self, turn: Turn, said: str) -> Read[Any]:
        raise NotImplementedError

    def can_read(self, turn: Turn, said: str) -> bool:
        try:
            self.read(turn, said)
        except (Unreadable, RejectedAnswer):
            return False
        return True

    def interpret(self, turn: Turn, said: str) -> Answer:
        try:
            read = self.read(turn, said)
        except Unreadable:
            raise RejectedAnswer(self.example) from None
        if self.check:
            self.check(turn, read.value)
        if not read.certain:
            turn.conversation.guess = Guess(read.value, self.display(turn, read.value))
        return read.value  # type: ignore[no-any-return]

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        if self.example:
            yield self.example
        if self.check:
            yield self.check.problem

    def bodies(self, turn: Turn) -> list[str]:
        """The question; after a refusal with what was wrong before it."""
        asked = super().bodies(turn)
        problems = turn.conversation.problem
        return [f"{problem}\n{body}" for problem in problems for body in asked] + problems or asked


class Ask(Question):
    """A question answered in her own words."""

    example = N_("Please write it in words.")

    def read(self, turn: Turn, said: str) -> Read[str]:
        if not said:
            raise Unreadable("empty")
        return Read(said)


class AskMoney(Question):
    """How much, kept in minor units: `1,500`, `Ksh1.5k` and `1500/=` are the same."""

    example = N_("Please write the amount in numbers, like 1500.", "Write numbers, like 1500.")

    def read(self, turn: Turn, said: str) -> Read[int]:
        return numbers.money(said, turn.place.currency)

    def display(self, turn: Turn, value: Answer) -> str:
        return turn.money(int(value or 0))


class AskQuantity(Question):
    """How many."""

    example = N_("Please write how many in numbers, like 3.", "Write numbers, like 3.")

    def read(self, turn: Turn, said: str) -> Read[int]:
        return numbers.quantity(said)


class AskPhone(Question):
    """A mobile number, kept as an MSISDN."""

    example = N_("That is not a mobile number. Write it like 0712345678.", "Write it like 0712345678.")

    def read(self, turn: Turn, said: str) -> Read[str]:
        return msisdn.read(said, turn.place.country)


class AskCode(Question):
    """The short code of an order, product or payout."""

    example = N_("That is not a code. It looks like K7P4.", "A code looks like K7P4.")

    def read(self, turn: Turn, said: str) -> Read[str]:
        code = codes.read(said)
        if code is None:
            raise Unreadable("code")
        return Read(code)


class AskDigits(Question):
    """A one-time code of digits. It is gone from the conversation once a command has used it."""

    secret = True
    example = N_("That is not a code of {digits} digits.")

    def __init__(self, name: str, text: Wording, *, digits: int, then: Then) -> None:
        super().__init__(name, text, then=then)
        self.digits = digits

    def read(self, turn: Turn, said: str) -> Read[str]:
        digits = said.replace(" ", "")
        if len(digits) != self.digits or not digits.isdecimal():
            raise RejectedAnswer(self.example, digits=self.digits)
        return Read(digits)


class AskPin(AskDigits):
    """Her PIN; the hall knows whether it is right. Who goes on after a break may be somebody else."""

    resume_before = True
    example = N_("A PIN has {digits} digits.")

    def __init__(self, name: str, text: Wording, *, then: Then) -> None:
        super().__init__(name, text, digits=4, then=then)


class ListQuestion(Question):
    """Numbered lines, as many to a page as the channel carries; a number means the same on every page."""

    example = N_("Please answer with a number from the list.", "Answer with a number.")

    def offer(self, turn: Turn) -> Sequence[Choice]:
        """The lines, in order, at most 97 (98 turns the page)."""
        raise NotImplementedError

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.choices = list(self.offer(turn))[: int(MORE) - 1]

    def read(self, turn: Turn, said: str) -> Read[str]:
        choices = turn.conversation.choices
        picked = answers.choice(said, [choice.label for choice in choices])
        choice = choices[picked.value]
        turn.conversation.labels[self.name] = choice.label
        return Read(choice.value, picked.certain)

    def claims_keyword(self, turn: Turn, said: str) -> bool:
        """A yes or no that is one of the lines."""
        try:
            return answers.yes_no(said).certain and self.read(turn, said).certain
        except Unreadable:
            return False

    def options(self, turn: Turn) -> list[tuple[str, str]]:
        page = turn.conversation.page
        written = str if self.verbatim else turn.words.sendable
        return [(str(n), written(choice.label)) for n, choice in enumerate(turn.conversation.choices[page:], page + 1)]

    def screen(self, turn: Turn) -> Screen:
        """The present page: all that is left if it fits, else as many lines as leave room for *More*."""
        bodies, options = self.bodies(turn), self.options(turn)
        rest = Screen(bodies, options)
        if not options or rest.fits(turn.channel):
            return rest
        more = (MORE, turn.words.text(N_("More"))) if len(options) > 1 else None
        page, *longer = (Screen(bodies, options[:kept], more) for kept in range(1, max(2, len(options))))
        return [page.with_line_cut(turn.channel), *takewhile(lambda page: page.fits(turn.channel), longer)][-1]

    def more(self, turn: Turn) -> bool:
        """Turns the page; False when this is the last."""
        shown = len(self.screen(turn).options)
        following = turn.conversation.page + shown
        if following >= len(turn.conversation.choices):
            return False
        turn.conversation.pages.append(following)
        turn.conversation.problem = []
        return True


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a menu, and where it leads."""

    label: str
    then: str | Enter
    value: str = ""
    """What is kept as the answer, where it matters."""


class Menu(ListQuestion):
    """Fixed lines. Their numbers never change: people remember them as one key sequence."""

    def __init__(self, name: str, text: Wording, *lines: Option, example: Wording = "") -> None:
        super().__init__(name, text, example=example)
        self.lines = lines

    def offer(self, turn: Turn) -> Sequence[Choice]:
        return [Choice(line.value or line.label, turn.words.text(line.label)) for line in self.lines]

    def edges(self) -> Iterator[Edge]:
        return (Edge("answer", Go(line.then), picked=line.value or line.label) for line in self.lines)

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        yield from (line.label for line in self.lines)


class PagedList(ListQuestion):
    """Lines looked up when she arrives, and kept as they were offered until she leaves.

    `empty` is where to go when there is nothing to offer. With `alone`, a single line is taken unasked. With
    `verbatim`, lines keep letters that the language in use could not send.
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
        example: Wording = "",
    ) -> None:
        super().__init__(name, text, then=then, example=example)
        self.items, self.empty, self.pick_single, self.verbatim = items, empty, pick_single, verbatim

    def offer(self, turn: Turn) -> Sequence[Choice]:
        return self.items(turn)

    def edges(self) -> Iterator[Edge]:
        if self.empty is not None:
            yield Edge("skip", Go(self.empty, when=lambda turn: not turn.conversation.choices))
        yield from super().edges()


class Confirm(ListQuestion):
    """Yes or no."""

    resume_before = True

    def __init__(self, name: str, text: Wording, *, yes: str | Enter, no: str | Enter, label: str = N_("Yes")) -> None:
        super().__init__(name, text)
        self.yes, self.no, self.label = yes, no, label

    def offer(self, turn: Turn) -> Sequence[Choice]:
        return [Choice("yes", turn.words.text(self.label)), Choice("no", turn.words.text(N_("No")))]

    def read(self, turn: Turn, said: str) -> Read[Any]:
        """Yes or no in any language, or a line of it in hers."""
        try:
            return answers.yes_no(said)
        except Unreadable:
            picked = super().read(turn, said)
            return Read(picked.value == "yes", picked.certain)

    def edges(self) -> Iterator[Edge]:
        yield Edge("answer", Go(self.yes), picked=True)
        yield Edge("answer", Go(self.no), picked=False)

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        yield self.label


NOTED = "noted"
"""The flow that says: it waits until the shop can be reached, and a text tells what came of it."""


class Act(StateKind):
    """A command to be performed by the hall; its outcome is the next trigger.

    Where `queued` is left out she is told that it waits, and is texted its outcome later.
    """

    has_screen = False

    def __init__(
        self,
        name: str,
        *,
        command: Callable[[Turn], Command],
        done: Then,
        rejected: Then,
        queued: Then | None = None,
    ) -> None:
        super().__init__(name)
        self.command = command
        self.promises_text = queued is None
        """Whether who is told that it waits is promised a text."""
        self.outcomes: Mapping[str, Then] = {
            "done": done,
            "rejected": rejected,
            "queued": Enter(NOTED) if queued is None else queued,
        }

    def edges(self) -> Iterator[Edge]:
        return (Edge(trigger, go) for trigger, then in self.outcomes.items() for go in edges(then))


class Notice(StateKind):
    """Something said, and the conversation is over; or it stays until she goes back or home.

    `segments` is how many an SMS with it may take.
    """

    def __init__(self, name: str, text: Wording, *, stays: bool = False, segments: int = 1) -> None:
        super().__init__(name, text)
        self.stays, self.segments = stays, segments

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.over = not self.stays

    def edges(self) -> Iterator[Edge]:
        if self.stays:
            yield Edge("answer", Go(Enter("home")))

    def interpret(self, turn: Turn, said: str) -> Answer:
        return None

    def screen(self, turn: Turn) -> Screen:
        return Screen(self.bodies(turn), ends=not self.stays)

    def channel(self, channel: Channel) -> Channel:
        return LONG_SMS if channel.name == "sms" and self.segments > 1 else channel

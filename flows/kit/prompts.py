"""Side prompts: questions outside the flow, each with two lines to choose from.

guess      Did you mean KSh 1,500?              after an answer that was read with doubt
person     Shall somebody call you to help?     after two rejected answers
resume     Go on where you stopped?             on the first screen after a dropped call
"""

from __future__ import annotations

from typing import Literal

from flows.reading.answers import choice, yes_no
from flows.reading.result import Unreadable

from .conversation import Conversation
from .screen import Screen
from .turn import Turn
from .words import N_

Name = Literal["guess", "person", "resume"]

PROMPTS: dict[Name, tuple[str, str, str]] = {
    "guess": (N_("Did you mean {guess}?"), N_("Yes"), N_("No")),
    "person": (N_("Shall somebody call you to help?"), N_("Call me"), N_("Try again")),
    "resume": (N_("Go on where you stopped?"), N_("Continue"), N_("Start again")),
}
"""By name: the question, and its two lines."""

SHORT_GUESS = 30
"""How many characters of a guess are shown where the whole guess does not fit."""


def current(conversation: Conversation) -> Name | None:
    """The side prompt that is shown now."""
    return "guess" if conversation.guess else conversation.side_prompt or None


def clear(conversation: Conversation) -> None:
    """Ends the side prompt, if there is one."""
    conversation.guess, conversation.side_prompt = None, ""


def is_first_line(turn: Turn, typed: str) -> bool | None:
    """True if the first line was picked, False for the second; None if neither was, or if there is no side prompt.

    A text that picks neither may be an answer to the question of the flow.
    """
    name = current(turn.conversation)
    if name is None:
        return None
    _, *lines = PROMPTS[name]
    try:
        if name == "guess":
            yes = yes_no(typed)
            return yes.value if yes.certain else None
        picked = choice(typed, [turn.words.text(line) for line in lines])
    except Unreadable:
        return None
    return picked.value == 0 if picked.certain else None


def screen(turn: Turn) -> Screen | None:
    """The screen of the side prompt; None if there is none."""
    conversation = turn.conversation
    name = current(conversation)
    if name is None:
        return None
    question, first, second = PROMPTS[name]
    guess = conversation.guess.label if conversation.guess else ""
    asked = [turn.say(question, guess=label) for label in dict.fromkeys((guess, guess[:SHORT_GUESS]))]
    problems = conversation.problem if name == "person" else []
    bodies = (*(f"{problem}\n{asked[0]}" for problem in problems), *asked)
    return Screen(bodies, (("1", turn.words.text(first)), ("2", turn.words.text(second))))

"""What people said, by its shape, in the log: so that a session can be played again. Only if `LOG_DIALOGUES` is on.

{"event": "a person answered", "msisdn": "+25471***111", "channel": "ussd", "at": "join.name", "said": "Xxxxx Xxxxxx"}

Letters are `x` and digits are `9`. As they were typed are only keywords, a yes or no, and numbers of one or two digits,
which choose from a menu; of a secret, such as a PIN, nothing is.
"""

from __future__ import annotations

import logging
import re
from typing import Literal

from bot.providers.contracts import Inbound, SessionEnd
from flows.kit import Conversation, Person
from flows.reading.vocabulary import ALL, NO, YES

log = logging.getLogger(__name__)

Kept = Literal["nothing", "numbers", "words"]
"""What is logged as it was said: of a secret nothing; short numbers; or also a yes, a no and other common words."""
LONGEST_CHOICE = 2
"""Digits of a number that chooses from a menu."""
_COMMON = frozenset((*YES.split(), *NO.split(), *ALL.split(), "stop", "start", "more"))
"""Words that everybody says, in small letters."""


def is_on() -> bool:
    """True if what people say is logged."""
    return log.isEnabledFor(logging.DEBUG)


def shape(said: str, kept: Kept, keyword: str = "") -> str:
    """What was said, with `x` for letters and `9` for digits, except what is `kept`, and a `keyword` at its begin."""
    if keyword and said.lower().startswith(keyword.lower()):
        return said[: len(keyword)] + shape(said[len(keyword) :], "numbers")
    return re.sub(r"\S+", lambda found: found[0] if _is_kept(found[0], kept) else "".join(map(_masked, found[0])), said)


def _is_kept(word: str, kept: Kept) -> bool:
    is_number = word.isdecimal() and word.isascii() and len(word) <= LONGEST_CHOICE
    return (is_number and kept != "nothing") or (kept == "words" and word.lower() in _COMMON)


def _masked(character: str) -> str:
    if character.isnumeric():
        return "9"
    if character.isascii() and not character.isalpha():
        return character
    return "X" if character.isupper() else "x"


def note_dial(inbound: Inbound, person: Person) -> None:
    """A phone has dialled, perhaps with answers after the code."""
    said = shape(inbound.text.replace("*", " "), "numbers").replace(" ", "*")
    _note("a phone dialled", inbound, person, "", said)


def note_answer(inbound: Inbound, person: Person, waiting: Conversation, answer: str, kept: Kept) -> None:
    """A caller answers the question of the conversation that waits."""
    _note("a person answered", inbound, person, _place(waiting), shape(answer, kept))


def note_text(inbound: Inbound, person: Person, waiting: Conversation | None, kept: Kept, *, is_keyword: bool) -> None:
    """A text has come; it may answer the question of a conversation that waits, or begin with a keyword."""
    if kept != "nothing" and inbound.text.strip().lower() in _COMMON:
        kept = "words"
    said = shape(inbound.text, kept, (inbound.text.split() or [""])[0] if is_keyword else "")
    _note("a person texted", inbound, person, _place(waiting) if waiting else "", said)


def _place(conversation: Conversation) -> str:
    return f"{conversation.flow}.{conversation.state}"


def note_end(end: SessionEnd) -> None:
    """A call has ended before its last screen."""
    if end.incomplete and end.msisdn:
        log.debug("a call was dropped", extra={"msisdn": end.msisdn, "channel": "ussd", "said": ""})


def _note(event: str, inbound: Inbound, person: Person, at: str, said: str) -> None:
    role = "artisan" if person.artisan else "agent" if person.agent else ""
    facts = {"channel": inbound.channel, "language": person.language or "", "role": role, "at": at, "said": said}
    log.debug(event, extra={"msisdn": inbound.msisdn, **facts})

"""The present screen of a phone in every language, rendered by the dialogues themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

from msgspec import structs

from bot.conversation import session as sessions
from bot.db.unit_of_work import UnitOfWork
from bot.messaging import rendering
from bot.services import Services
from bot.simulator import sizes
from flows.kit import SMS, USSD, Conversation, Person, Turn
from flows.kit.state_kinds.lists import ListQuestion
from flows.market import OutOfReach

By = Literal["call", "text"]


def screens(services: Services, msisdn: str, by: By) -> list[dict[str, Any]]:
    """For each language: `language`, `name`, `screen` and `size`; nothing for a phone that has no conversation.

    What was said about the last answer is stored in one language only, so it is left out in the others. Nothing is
    changed: each language gets its own copy of the stored conversation.
    """
    document = services.sessions.load(msisdn, services.clock().timestamp())
    return [
        {"language": code, "name": name, "screen": screen, "size": size(screen)}
        for code, name in services.conversation.runner.place.languages
        for size in [sizes.of_screen if by == "call" else sizes.of_text]
        for screen in _screen(services, document, by, code)
    ]


def _screen(services: Services, document: bytes | None, by: By, language: str) -> Iterator[str]:
    runner = services.conversation.runner
    session = sessions.read(document)
    if session is None:
        return
    conversation = session.by_call if by == "call" else session.by_text
    if conversation is None or not runner.engine.is_current(conversation):
        return
    work = UnitOfWork(services.database)
    try:
        market = services.marketplace.session(work, session.person.msisdn, services.clock())
        channel = USSD if by == "call" else SMS
        person, words = _reader(session.person, language), rendering.words(language)
        turn = Turn(conversation, person, runner.place, market, words, channel)
        if language != runner.language(session.person):
            _translate(turn, conversation, services)
        with suppress(OutOfReach):
            yield runner.engine.screen(turn).render(channel) if by == "call" else runner.sms(turn)
    finally:
        work.close()


def _reader(person: Person, language: str) -> Person:
    """The person as a reader of this language; one who has not chosen a language is asked for it in all of them."""
    return structs.replace(person, language=language) if person.language else person


def _translate(turn: Turn, conversation: Conversation, services: Services) -> None:
    """Replace what the conversation keeps in the language of the person."""
    conversation.problem = []
    state = services.conversation.runner.engine.state(conversation)
    if isinstance(state, ListQuestion) and conversation.choices:
        with suppress(OutOfReach):
            conversation.choices = list(state.offer(turn))[: len(conversation.choices)]

"""A hop that works with an old copy of the session ends as if the process had none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bot.conversation import session_copies
from bot.conversation.service import ConversationService
from bot.conversation.session import KEPT_FOR, read
from bot.conversation.session_copies import SessionCopies
from bot.simulator.gateway import Gateway
from state.sessions import Seen, Sessions
from tests.bot.conversation.test_interleavings import ComparedPhone
from tests.bot.fixtures import add_artisan, choose_language, execute_sql, products_titled, second_process
from tests.runs import some_of
from tests.service import Service

LAMP = "Oil lamp"
REVIEW = f"1*{LAMP}*6*900*5"
"""A call as far as the confirmation of a sale."""


class CopyingConversation(ConversationService):
    """A web process whose copies a test can see."""

    copies: SessionCopies

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        CopyingConversation.copies = self.resources.claims.copies


@dataclass
class TwoProcesses:
    """A process with copies, and another one over the same stores."""

    service: Service
    copying: Gateway
    copies: SessionCopies

    def phone(self) -> ComparedPhone:
        """A new artisan's phone, whose requests the copying process gets."""
        person = ComparedPhone(self.service, self.copying)
        (kiosk,) = self.service.api("GET", "/kiosks")["data"]
        add_artisan(self.service, person.msisdn, "Akinyi Ouma", kiosk["id"])
        choose_language(self.service, "en", person.msisdn)
        return person

    def elsewhere(self, person: ComparedPhone, text: str, call: str = "first") -> str:
        return ComparedPhone(self.service, self.service.gateway, person.number).hop(text, call)

    def expire(self) -> None:
        self.service.clock.advance(KEPT_FOR + 60)

    def delete(self, person: ComparedPhone) -> None:
        self.service.services.sessions.delete(person.msisdn)

    def claim(self, person: ComparedPhone) -> None:
        """Let a hop elsewhere claim the person, and die."""
        now = self.service.clock().timestamp()
        assert self.service.services.sessions.claim(person.msisdn, "dead", now=now, lease=0.0) is not None

    def stored(self, person: ComparedPhone) -> object:
        session = read(self.service.services.sessions.load(person.msisdn, self.service.clock().timestamp()))
        talk = session and session.by_call
        replies = [person.without_codes(reply) for reply in session.replies.values()] if session else []
        answers = person.without_codes(str(talk and talk.answers))
        return talk and (talk.flow, talk.state, talk.over), answers, replies, session and len(session.earlier_calls)


@pytest.fixture
def two(service: Service, monkeypatch: pytest.MonkeyPatch) -> TwoProcesses:
    monkeypatch.setattr(session_copies, "TRUSTED_AFTER", 0)  # every copy is used
    return TwoProcesses(service, second_process(service, CopyingConversation), CopyingConversation.copies)


Event = Callable[[TwoProcesses, ComparedPhone], object]
EVENTS: Mapping[str, Event] = {
    "the same hop": lambda two, person: two.elsewhere(person, REVIEW + "*1"),
    "another answer": lambda two, person: two.elsewhere(person, REVIEW + "*2"),
    "a newer call": lambda two, person: two.elsewhere(person, "", "second"),
    "a text": lambda two, person: two.service.gateway.text(person.msisdn, "MORE", id=f"more {person.number}"),
    "another language": lambda two, person: two.service.gateway.text(person.msisdn, "LUGHA 2", id=f"{person.number}"),
    "deleted": lambda two, person: two.delete(person),
    "expired": lambda two, person: two.expire(),
    "claimed and left": lambda two, person: two.claim(person),
}
HOPS: Mapping[str, Callable[[ComparedPhone], str]] = {
    "a command": lambda person: person.hop(REVIEW + "*1"),
    "no": lambda person: person.hop(REVIEW + "*2"),
    "home": lambda person: person.hop(REVIEW + "*00"),
    "a repeated request": lambda person: person.hop(REVIEW),
    "the first request again": lambda person: person.hop(""),
    "a new call": lambda person: person.hop("", "third"),
}


@pytest.mark.parametrize(("event", "hop"), some_of([(event, hop) for event in EVENTS for hop in HOPS], least=5))
def test_a_hop_with_an_old_copy_ends_as_without_one(two: TwoProcesses, event: str, hop: str) -> None:
    ends: list[object] = []
    for has_copy in (False, True):
        person = two.phone()
        person.call_up_to_review()
        EVENTS[event](two, person)
        assert two.copies.find(person.msisdn, 0.0) is not None
        if not has_copy:
            two.copies.drop(person.msisdn)
        screen = person.without_codes(HOPS[hop](person))
        ends.append((screen, two.stored(person)))
        repeated = person.without_codes(HOPS[hop](person))
        assert hop == "the first request again" or repeated == screen
    assert ends[0] == ends[1]


def test_a_repeated_request_is_not_answered_from_the_copy_of_a_person_who_was_erased(two: TwoProcesses) -> None:
    person = two.phone()
    before = person.hop("")
    assert "Akinyi" in before
    two.delete(person)
    execute_sql(two.service, f"UPDATE artisan SET name = '' WHERE msisdn = '{person.msisdn}'")

    assert "Akinyi" not in person.hop("")


def test_a_command_is_performed_once_whatever_the_copy_says(two: TwoProcesses) -> None:
    person = two.phone()
    person.call_up_to_review()
    said = two.elsewhere(person, REVIEW + "*1")

    assert person.hop(REVIEW + "*1") == said
    assert len(products_titled(two.service, LAMP)) == 1


def test_copies_are_not_used_while_they_are_often_old() -> None:
    copies, copy = SessionCopies(), Seen(b"{}", 60.0)
    copies.keep("+254711000111", copy)
    assert copies.find("+254711000111", 59.0) is copy
    assert copies.find("+254711000111", 60.0) is None

    copies.drop("+254711000222")
    for _ in range(session_copies.TRUSTED_AFTER):
        assert copies.find("+254711000111", 0.0) is None
        copies.compare("+254711000333", copy)  # there is no copy to compare it with
        copies.compare("+254711000111", copy)
    assert copies.find("+254711000111", 0.0) is copy

    copies.compare("+254711000111", Seen(b"{1}", 60.0))
    assert copies.find("+254711000111", 0.0) is None


def test_the_latest_copies_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_copies, "COPIES_KEPT", 2)
    copies, copy = SessionCopies(), Seen(b"{}", 60.0)
    for msisdn in ("a", "b", "a", "c"):
        copies.keep(msisdn, copy)
    assert [copies.find(msisdn, 0.0) for msisdn in "abc"] == [copy, None, copy]


class UnsavingSessions:
    """A session store that saves nothing."""

    def __init__(self, store: Sessions) -> None:
        self._store, self.fails = store, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace(self, *arguments: Any, **terms: Any) -> Seen | None:
        if self.fails:
            raise ConnectionError("the store is away")
        return self._store.replace(*arguments, **terms)


def test_the_end_of_a_call_is_not_shown_from_a_copy_while_the_store_is_away(service: Service) -> None:
    sessions = UnsavingSessions(service.services.sessions)
    gateway = second_process(service, sessions=sessions)
    person = TwoProcesses(service, gateway, SessionCopies()).phone()
    person.hop("", "first")
    person.hop("", "second")
    assert person.hop("5", "first").startswith("END You have begun another call")
    sessions.fails = True

    assert person.hop("5*0", "first").startswith("END Sorry, something went wrong")

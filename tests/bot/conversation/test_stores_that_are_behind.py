"""A session store that has lost the last hops of a person, as when a Redis replica becomes the master."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bot.conversation.test_calls import LAMP, SELLING, SELLING_STARRED, STARRED, PostedCall, cumulative
from tests.bot.fixtures import AKINYI, NEW_PHONE, choose_language, delete_session, products_titled, second_process
from tests.service import Service

HOLDER = "the replica"


def put_back(service: Service, msisdn: str) -> Callable[[], None]:
    """A function that makes the session of a phone what it is now."""
    sessions, now = service.services.sessions, service.clock().timestamp()
    before = sessions.load(msisdn, now)

    def go_back() -> None:
        assert sessions.claim(msisdn, HOLDER, now=now, lease=60.0) is not None
        if before is None:
            sessions.delete(msisdn)
        else:
            assert sessions.save(msisdn, before, HOLDER, now=now, ttl=3600.0)

    return go_back


@pytest.mark.parametrize(("answers", "lost"), [(SELLING, 1), (SELLING_STARRED, 2)], ids=["one", "two, with stars"])
def test_a_call_goes_on_at_each_hop_although_the_last_hops_are_lost(
    service: Service, answers: tuple[str, ...], lost: int
) -> None:
    choose_language(service, "en", AKINYI)
    texts = cumulative(answers)[:-1]
    expected = [PostedCall(service, AKINYI, "ATUid_0").hop(text) for text in texts]
    for number in range(lost, len(texts)):
        delete_session(service, AKINYI)  # else the call begins with a question about the one before
        call = PostedCall(service, AKINYI, f"ATUid_{number}")
        for text in texts[: number - lost]:
            call.hop(text)
        back = put_back(service, AKINYI)
        for text in texts[number - lost : number]:
            call.hop(text)
        back()
        assert [call.hop(text) for text in texts[number:]] == expected[number:]


def test_a_command_is_performed_once_although_its_hop_is_lost(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call, another = PostedCall(service, AKINYI), second_process(service)
    *texts, last = cumulative(SELLING)
    for text in texts:
        call.hop(text)
    back = put_back(service, AKINYI)
    assert call.hop(last).startswith(f"END {LAMP} is on sale")
    back()
    assert call.hop(last, another).startswith(f"END {LAMP} is on sale")
    assert len(products_titled(service, LAMP)) == 1


def test_a_conversation_by_text_goes_on_although_its_last_answer_is_lost(service: Service) -> None:
    service.gateway.text(NEW_PHONE, "JOIN Beatrice")
    for answer in ("2", "1"):
        back = put_back(service, NEW_PHONE)
        service.gateway.text(NEW_PHONE, answer)
        back()
    service.gateway.text(NEW_PHONE, "1")
    assert any("Welcome to Soko, Beatrice!" in text for text in service.inbox(NEW_PHONE))


def test_stars_survive_although_another_process_answers_after_the_loss(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    for text in cumulative(SELLING_STARRED):
        back = put_back(service, AKINYI)
        screen = call.hop(text, second_process(service))
        back()
    assert screen.startswith(f"END {STARRED} is on sale at KSh 900.")
    assert len(products_titled(service, STARRED)) == 1

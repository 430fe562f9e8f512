"""What the answers to the page have of the wire: what was posted for a phone, masked as in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.simulator import wire
from state import people
from tests.service import Service, serving

AMINA, WEBHOOK_SECRET = "+254711000111", "a-webhook-secret-of-32-characters"
CALL = {"msisdn": AMINA, "session_id": "ATUid_1", "code": "*384*22#"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("shop"), webhook_secret=WEBHOOK_SECRET) as service:
        with service.services.database.writing.begin() as session:
            people.set_language(session.connection(), AMINA, "en", service.clock())
        service.kiosk()
        for words in ("JOIN Amina", "1", "1", "1"):
            service.network.text(AMINA, words)
        yield service


def posted(service: Service, path: str, **fields: str) -> Any:
    answer = service.http.post(f"/simulator/{path}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["wire"]


def test_each_has_its_request_and_the_answer(service: Service) -> None:
    (hop,) = posted(service, "dial", **CALL)
    assert (hop["method"], hop["path"], hop["status"]) == ("POST", "/webhooks/africastalking/***/ussd", 200)
    assert "sessionId=ATUid_1&phoneNumber=%2B254711000111" in hop["body"]
    assert hop["answer"].startswith("CON ")
    (end,) = posted(service, "hang-up", **CALL)
    (text,) = posted(service, "text", msisdn=AMINA, text="HELP")
    (by_twilio,) = posted(service, "text", msisdn=AMINA, text="HELP", provider="twilio")
    assert [each["path"].rpartition("/")[2] for each in (end, text, by_twilio)] == ["ussd-events", "sms", "sms"]


def test_what_the_log_masks_is_masked_there_too(service: Service) -> None:
    call = {**CALL, "session_id": "ATUid_2"}
    said = [*posted(service, "dial", **call)]
    for typed in ("5", "5*4", "5*4*4071", "5*4*4071*0"):
        said += posted(service, "answer", **call, text=typed)
    said += posted(service, "hang-up", **call, text="5*4*4071*0")
    assert "text=5%2A4%2Axxxx" in said[3]["body"]
    for words in ("MENU", "5", "4", "4072"):
        said += posted(service, "text", msisdn=AMINA, text=words)
    for secret in ("4071", "4072", WEBHOOK_SECRET):
        assert secret not in str(said)


def test_only_what_is_recorded_inside_the_block_is_noted(service: Service) -> None:
    with wire.noting() as noted:
        service.network.text(AMINA, "HELP")
    service.network.text(AMINA, "HELP")
    assert [each.summary for each in noted] == ["HELP"]

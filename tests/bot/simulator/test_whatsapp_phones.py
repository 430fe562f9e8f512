"""Phones with WhatsApp and phones with a camera, as the page uses them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from state import people
from tests.bot.photos.camera import photo
from tests.service import Service, serving

AMINA, NETTED = "+254711000111", "+254711999630"
"""The second is one that WhatsApp does not reach, because its window is shut."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, twilio_auth_token=None) as service:
        with service.services.database.writing.begin() as session:
            for phone in (AMINA, NETTED):
                people.set_language(session.connection(), phone, "en", service.clock())
        yield service


def write(service: Service, msisdn: str, text: str) -> None:
    sent = {"msisdn": msisdn, "text": text, "channel": "whatsapp"}
    answer = service.http.post("/simulator/text", json=sent)
    assert [exchange["status"] for exchange in answer.get_json()["wire"]] == [200]
    service.work()


def senders(service: Service, msisdn: str) -> list[str]:
    """Who sent the texts that a phone got, oldest first."""
    data = service.http.get("/simulator/messages", query_string={"msisdn": msisdn}).get_json()["data"]
    return [text["from"] for text in reversed(data)]


def test_a_phone_with_whatsapp_is_answered_there(service: Service) -> None:
    write(service, AMINA, "HELP")
    service.later(seconds=2)
    assert senders(service, AMINA) == ["whatsapp:+15005550006"]
    text, sms, report = service.network_log(phone=AMINA)
    assert "From=whatsapp%3A%2B254711000111" in text["request"]["body"]
    assert (sms["provider"], sms["direction"]) == ("twilio", "out")
    assert "To=whatsapp%3A%2B254711000111" in report["request"]["body"]
    service.network.text(AMINA, "HELP")
    service.work()
    assert senders(service, AMINA)[1:] == ["22384"]


def test_where_the_window_is_shut_the_answer_follows_by_sms(service: Service) -> None:
    write(service, NETTED, "HELP")
    service.later(seconds=2)
    assert senders(service, NETTED) == ["22384"]
    assert "ErrorCode=63016" in service.network_log(kind="report")[0]["request"]["body"]


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_a_picture_arrives_in_the_shop(service: Service, channel: str) -> None:
    service.kiosk()
    for words in ("JOIN Amina", "1", "1", "1", "SELL kiondo basket 1500 x3", "1", "1"):
        service.network.text(AMINA, words)
    (product,) = service.api("GET", "/products")["data"]
    sent = {"msisdn": AMINA, "text": f"PHOTO {product['code']}", "channel": channel}
    form = {**sent, "picture": (BytesIO(photo(640, 480)), "baskets.jpg")}
    assert service.http.post("/simulator/picture", data=form).status_code == 200
    service.work()
    assert any("has a new photo" in text for text in service.received(AMINA))
    assert service.api("GET", f"/products/{product['id']}")["photos"]
    assert product["code"] in service.http.get("/").get_data(as_text=True)
    assert service.network_log(kind="text")[-1]["summary"] == f"PHOTO {product['code']}, 1 picture"


@pytest.mark.parametrize("fields", [{}, {"msisdn": AMINA}, {"msisdn": AMINA, "channel": "pigeon"}])
def test_a_form_without_a_phone_a_picture_or_a_known_channel_is_refused(
    service: Service, fields: dict[str, str]
) -> None:
    assert service.http.post("/simulator/picture", data=fields).status_code == 400

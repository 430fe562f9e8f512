"""`/privacy` says in each language what is kept; people who join by phone get its link, and the order form has it."""

from __future__ import annotations

from pathlib import Path

import pytest

import locales
from marketplace_api.accounts import artisans
from state.messages import Message
from tests.actors import TESTER
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, NEW_PHONE
from tests.service import Service, serving


@pytest.mark.parametrize(
    ("query", "accepted", "language", "words"),
    [
        ("", "", "en", "Your data at Soko"),
        ("", "sw;q=0.8, de", "sw", "Data zako katika Soko"),
        ("?lang=fr", "sw", "fr", "Vos données chez Soko"),
        ("?lang=am", "", "am", "የእርስዎ መረጃ በሶኮ"),
        ("?lang=xx", "", "en", "Your data at Soko"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for(
    embedded: Service, query: str, accepted: str, language: str, words: str
) -> None:
    answer = embedded.http.get(f"/privacy{query}", headers={"Accept-Language": accepted})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in page
    assert f"<h1>{words}</h1>" in page
    assert "365" in page
    assert "STOP" in page
    assert [f'href="?lang={code}"' in page for code in embedded.settings.languages] == [True] * 4


def test_the_order_form_says_what_its_data_are_used_for(embedded: Service) -> None:
    (product,) = fixtures.products_titled(embedded, fixtures.POT)
    page = embedded.http.get(f"/products/{product['code']}").get_data(as_text=True)
    assert 'We use your name, phone and address for this order, and sell them to nobody. <a href="/privacy' in page


def join(service: Service) -> None:
    for answer in ("JOIN Zawadi", "1", "1", "1"):
        service.gateway.text(NEW_PHONE, answer)


def about_privacy(service: Service) -> list[Message]:
    service.work()
    return [one for one in fixtures.notifications(service) if one.topic == "artisan.registered"]


@pytest.mark.parametrize("language", locales.available())
def test_who_joins_by_phone_gets_one_text_with_the_link(tmp_path: Path, language: str) -> None:
    with serving(tmp_path, public_url="http://soko-for-all-artisans.example") as service:
        fixtures.seed_shop(service)
        fixtures.choose_language(service, language, NEW_PHONE)
        join(service)
        (message,) = about_privacy(service)
        assert message.text.endswith("http://soko-for-all-artisans.example/privacy")
        assert (message.msisdn, message.language, message.status) == (NEW_PHONE, language, "sent")
        assert (message.segments, message.encoding) == (1, "UCS-2" if language == "am" else "GSM-7")


def test_neither_stop_nor_night_holds_the_text_and_nobody_gets_it_twice(embedded: Service) -> None:
    fixtures.choose_language(embedded, "en", NEW_PHONE)
    embedded.gateway.text(NEW_PHONE, "STOP")
    embedded.later(hours=15)  # two o'clock in the night in Nairobi
    join(embedded)
    assert [each.status for each in about_privacy(embedded)] == ["sent"]
    embedded.later(days=20)
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        zawadi = artisans.by_msisdn(shop, NEW_PHONE)
        assert zawadi
        artisans.leave(shop, zawadi)
    join(embedded)
    assert embedded.events().count("artisan.registered") == 2 + 1  # Akinyi's too
    assert len(about_privacy(embedded)) == 1


def test_who_is_registered_by_others_gets_no_text_about_it(embedded: Service) -> None:
    embedded.work()
    assert fixtures.outgoing_messages(embedded, AKINYI) == []

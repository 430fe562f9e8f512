"""Orders of strangers: what is texted before the buyer has confirmed, and at whose expense."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.messaging import rendering
from bot.notifications import templates
from bot.runtime.settings import LANGUAGES
from bot.web.shop_pages import order_body
from flows import gsm7
from marketplace_api.models import SHOP_WINDOW
from marketplace_api.orders import placing
from tests.actors import TESTER
from tests.bot.fixtures import (
    AKINYI,
    FORM,
    JOY,
    POT,
    execute_sql,
    outgoing_messages,
    products_titled,
    seed_shop,
    submit_form,
)
from tests.bot.web.test_metrics import metrics_of
from tests.service import Service, serving

FOREIGN = "+256772000333"
LURE = "Win at evil.example"
CONFIRM = (
    "Soko: order {code} was placed with your number. To hear more, reply {code}. To cancel it, reply DROP {code}. "
    "Not yours? Do nothing."
)


def order_in_window(service: Service, buyer: str = JOY, key: str = "form") -> str:
    """A stranger orders a pot for a phone; returns the order's code."""
    (pot,) = products_titled(service, POT)
    answer = submit_form(service, pot["code"], key, **{"buyer.phone": buyer})
    assert answer.status_code == 201
    found = re.search('<p class="code">(.+?)</p>', answer.text)
    assert found is not None
    return found[1]


def test_a_phone_that_has_not_confirmed_gets_one_text_in_our_words_only(service: Service) -> None:
    execute_sql(service, f"UPDATE product SET title = '{LURE}'", f"UPDATE artisan SET name = '{LURE}'")
    (lure,) = products_titled(service, LURE)
    submit_form(service, lure["code"], "form")
    code = service.api("GET", "/orders")["data"][0]["code"]
    service.work()
    service.gateway.text(AKINYI, f"YES {code}")
    service.later(days=1)

    assert service.inbox(JOY) == [CONFIRM.format(code=code)]
    assert "order.accepted" in service.events()


@pytest.mark.parametrize("said", ["{code}", "yes {code} please", "TRACK {code}"])
def test_a_buyer_who_texts_the_code_hears_every_step(service: Service, said: str) -> None:
    code = order_in_window(service)
    service.work()
    service.gateway.text(JOY, said.format(code=code))
    asked, answer = service.inbox(JOY)
    service.gateway.text(AKINYI, f"YES {code}")

    assert asked == CONFIRM.format(code=code)
    assert code in answer
    assert service.inbox(JOY)[2:] == [f"Soko: Akinyi Ouma makes your order {code}: 1 x {POT}, KSh 1,800."]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["K7P4", "K7P4M2N8Q3"])
def test_the_one_text_fits_one_segment_in_every_language(language: str, code: str) -> None:
    text = rendering.render_sms(rendering.words(language), templates.CONFIRM, {"code": code})

    assert gsm7.segments(text).count == 1
    assert gsm7.segments(text).encoding == ("UCS-2" if language == "am" else "GSM-7")
    assert text.count(code) >= 2


def test_other_texts_of_the_phone_confirm_nothing(service: Service) -> None:
    code = order_in_window(service)
    service.gateway.text(JOY, "Who are you?")
    service.gateway.text(AKINYI, f"YES {code}")

    assert [text for text in service.inbox(JOY) if "Akinyi" in text] == []


def test_a_second_order_for_the_phone_is_not_texted_before_the_first_is_confirmed(service: Service) -> None:
    codes = [order_in_window(service, key=key) for key in ("first", "second")]
    assert len(service.inbox(JOY)) == 1

    service.gateway.text(JOY, codes[0])
    third = order_in_window(service, key="third")
    assert service.inbox(JOY)[-1] == CONFIRM.format(code=third)
    assert not [text for text in service.inbox(JOY) if codes[1] in text]


def test_a_phone_of_another_country_is_not_texted_before_it_confirms(tmp_path: Path) -> None:
    with serving(tmp_path, buyer_countries=["UG"]) as service:
        seed_shop(service)
        (pot,) = products_titled(service, POT)
        with service.services.database.writing.begin() as session:  # as if Kenya had been among the countries before
            shop = service.services.shop(session, TESTER)
            answer = placing.place_once(shop, SHOP_WINDOW, "key", order_body(pot["id"], FORM, "KES"))
        code = json.loads(answer.body)["code"]
        assert service.inbox(JOY) == []

        service.gateway.text(JOY, code)
        service.gateway.text(AKINYI, f"YES {code}")
        assert f"makes your order {code}" in service.inbox(JOY)[-1]


def test_an_order_with_a_key_is_texted_in_every_country_as_ever(service: Service) -> None:
    (pot,) = products_titled(service, POT)
    service.order(pot["id"], 1, FOREIGN)
    assert [text[:38] for text in service.inbox(FOREIGN)] == [
        "Soko: thank you! Your order F6J5: 1 x "
    ] or service.inbox(FOREIGN)


def test_texts_that_strangers_cause_do_not_use_up_the_artisans_hour(tmp_path: Path) -> None:
    with serving(tmp_path, hourly_cap=2) as service:
        seed_shop(service)
        from_strangers = [order_in_window(service, buyer=f"+25473300{n:04}", key=str(n)) for n in range(3)]
        service.work()
        (pot,) = products_titled(service, POT)
        vouched = [service.order(pot["id"], 1, JOY)["code"] for _ in range(2)]

        told = service.inbox(AKINYI)
        assert [code for code in from_strangers if any(code in text for text in told)] == from_strangers[:2]
        assert [code for code in vouched if any(code in text for text in told)] == vouched
        service.later(hours=1)
        assert from_strangers[2] in service.received(AKINYI)[-1]


def test_a_days_texts_that_strangers_cause_are_capped_and_shown_to_operators(tmp_path: Path) -> None:
    with serving(tmp_path, strangers_cap=3) as service:
        seed_shop(service)
        for n in range(2):  # each causes a text to the buyer and one to the artisan
            order_in_window(service, buyer=f"+25473300{n:04}", key=str(n))
        service.work()
        waiting = [message for message in outgoing_messages(service) if message.status == "queued"]

        assert [message.error for message in waiting] == ["strangers' cap"]
        assert metrics_of(service)["soko_stranger_texts"] == 4
        assert metrics_of(service)["soko_stranger_texts_cap"] == 3
        (pot,) = products_titled(service, POT)
        vouched = service.order(pot["id"], 1, JOY)["code"]
        assert vouched in service.inbox(JOY)[-1]
        service.later(days=1)
        assert [message for message in outgoing_messages(service) if message.status == "queued"] == []

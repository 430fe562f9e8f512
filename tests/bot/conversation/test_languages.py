"""The language in which a person is answered: chosen, else of the latest order, else of the keyword that was used."""

from __future__ import annotations

import pytest

from tests.bot.fixtures import JOY, NEW_PHONE, choose_language, dial, outgoing_messages, place_order
from tests.service import Service

STATUS = {"en": "waiting for the artisan", "sw": "inasubiri fundi", "fr": "attend l'artisan"}


def answer(service: Service, msisdn: str, text: str) -> str:
    """The answer to a text."""
    service.gateway.text(msisdn, text)
    return outgoing_messages(service, msisdn)[-1].text


def artisans(service: Service) -> dict[str, str]:
    """The language of every artisan by name, as the API shows it to operators."""
    listed = service.api("GET", "/artisans?limit=100")["data"]
    return {artisan["name"]: artisan["language"] for artisan in listed}


@pytest.mark.parametrize(
    ("text", "name", "language", "greeting"),
    [
        ("JIUNGE Fatuma", "Fatuma", "sw", "Karibu Soko, Fatuma!"),
        ("inscrire Claudine", "Claudine", "fr", "Bienvenue chez Soko, Claudine"),
        ("ምዝገባ ትግስት", "ትግስት", "am", "ትግስት"),
        ("JOIN Amina", "Amina", "en", "Welcome to Soko, Amina!"),
    ],
)
def test_a_person_who_joins_by_a_keyword_is_registered_in_its_language(
    service: Service, text: str, name: str, language: str, greeting: str
) -> None:
    for said in (text, "1", "1"):
        service.gateway.text(NEW_PHONE, said)

    assert greeting in answer(service, NEW_PHONE, "1")
    assert artisans(service)[name] == language


def test_the_language_of_a_keyword_stays_until_another_is_chosen(service: Service) -> None:
    assert answer(service, NEW_PHONE, "msaada").startswith("Soko. Kuuza")
    assert answer(service, NEW_PHONE, "HELP").startswith("Soko. Kuuza")
    assert "Jiunge" in dial(service, NEW_PHONE)
    service.gateway.text(NEW_PHONE, "LANG english")
    assert answer(service, NEW_PHONE, "msaada").startswith("Soko. To sell")


@pytest.mark.parametrize("text", ["hello", "MENU", "1", "JIUNGEE Fatuma"])
def test_a_text_without_a_keyword_of_one_language_asks_for_the_language(service: Service, text: str) -> None:
    assert "Kiswahili" in answer(service, NEW_PHONE, text)


@pytest.mark.parametrize("language", ["en", "sw", "fr"])
def test_a_buyer_is_answered_in_the_locale_of_the_latest_order(service: Service, language: str) -> None:
    place_order(service, locale="en")
    service.later(minutes=1)
    code = place_order(service, locale=language)["code"]

    for text in (f"TRACK {code}", f"fuatilia {code}", f"suivre {code}", code):
        assert STATUS[language] in answer(service, JOY, text), text


def test_a_chosen_language_is_stronger_than_the_locale_of_an_order(service: Service) -> None:
    code = place_order(service, locale="fr")["code"]
    choose_language(service, "sw", JOY)
    assert STATUS["sw"] in answer(service, JOY, f"TRACK {code}")


def test_a_locale_that_is_not_offered_counts_as_the_default_language(service: Service) -> None:
    code = place_order(service, locale="pt-BR")["code"]
    assert STATUS["en"] in answer(service, JOY, f"TRACK {code}")


@pytest.mark.parametrize(
    ("text", "confirmation"), [("ACHA", "hutapokea"), ("arrêt", "REPRENDRE"), ("አቁም", "ሶኮ"), ("STOP", "no more texts")]
)
def test_stop_is_confirmed_in_the_language_of_its_word(service: Service, text: str, confirmation: str) -> None:
    assert confirmation in answer(service, NEW_PHONE, text)


# -- what buyers write


def test_a_code_alone_is_answered_like_track_to_its_buyer_only(service: Service) -> None:
    code = place_order(service)["code"]
    assert answer(service, JOY, f"{code[:2]} {code[2:]} please").startswith(f"Order {code}")
    service.gateway.text(JOY, "MENU")
    assert answer(service, JOY, code).startswith(f"Order {code}")
    choose_language(service, "en", NEW_PHONE)
    assert answer(service, NEW_PHONE, code).startswith("Sorry, we did not understand")


def test_cancel_with_a_code_drops_the_order_and_alone_it_means_stop(service: Service) -> None:
    order = place_order(service)
    assert "cancelled" in answer(service, JOY, f"CANCEL {order['code']}")
    assert service.api("GET", f"/orders/{order['id']}")["status"] == "cancelled"
    assert answer(service, JOY, "CANCEL").startswith("Soko: you will get no more texts")


def test_help_of_a_buyer_names_what_a_buyer_can_text(service: Service) -> None:
    place_order(service)
    said = answer(service, JOY, "HELP")
    assert all(word in said for word in ("TRACK", "RECEIVED", "DROP", "CALL"))

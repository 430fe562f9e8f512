"""Villages: each is a whole service of its own, under an address that can be shared."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

import bot
from bot.runtime.settings import SIMULATOR, Settings
from bot.villages import dispatcher, village
from bot.villages.dispatcher import BUSY_S, IDLE_S, MOST_OPEN
from state import deadline
from tests.bot.villages.conftest import VillageServer, fill_with_the_seeded_shop

AMINA = "+254711000999"
JOINING = ("", "1", "1*1", "1*1*Amina", "1*1*Amina*1", "1*1*Amina*1*1", "1*1*Amina*1*1*1")
TRIES, PAUSE_S = 200, 0.05


def make(browser: Client) -> str:
    """The path of this browser's village."""
    answer = browser.post("/village")
    assert answer.status_code == 303
    return answer.headers["Location"].removesuffix("/simulator")


def join(browser: Client, village: str) -> str:
    """Amina joins at the only kiosk; returns the last screen."""
    call = {"msisdn": AMINA, "session_id": "ATUid_1", "code": "*384*22#"}
    screens = [browser.post(f"{village}/simulator/answer", json=call | {"text": typed}) for typed in JOINING]
    return str(screens[-1].get_json()["reply"])


def links(browser: Client, village: str, phone: str) -> list[str]:
    """The addresses in texts to a phone, as soon as there is one; the village's own thread brings the texts."""
    for _ in range(TRIES):
        received = browser.get(f"{village}/simulator/messages?msisdn={phone[1:]}").get_json()["data"]
        found = [address for text in received for address in re.findall(r"http\S+", text["text"])]
        if found:
            break
        Event().wait(PAUSE_S)
    return found


def owner(browser: Client, village: str) -> str:
    news = browser.get(f"{village}/simulator/news?msisdn={AMINA[1:]}").get_json()
    return str(news["phones"][AMINA]["name"])


def test_what_happens_in_a_village_happens_nowhere_else(town: VillageServer) -> None:
    one, other = town.browser(), town.browser()
    first, second = make(one), make(other)

    asked = [f"{place}/simulator/news?msisdn={AMINA[1:]}" for place in (first, second)]
    known = [{"If-None-Match": one.get(path).headers["ETag"]} for path in asked]

    assert first != second
    assert join(one, first).startswith("END Welcome to Soko, Amina!")
    news = [one.get(path, headers=headers).status_code for path, headers in zip(asked, known, strict=True)]
    assert news == [200, 304]
    assert [owner(one, place) for place in (first, second, "")] == ["Amina", "", ""]
    one.post(f"{first}/simulator/clock", json={"advance_seconds": 3600})
    ahead = [one.get(f"{place}/simulator/news").get_json()["clock"]["ahead_s"] for place in (first, second, "")]
    assert ahead == [3600, 0, 0]


def test_its_jobs_are_done_and_its_texts_lead_into_it(town: VillageServer) -> None:
    browser = town.browser()
    place = make(browser)
    join(browser, place)

    found = links(browser, place, AMINA)
    assert found == [f"{town.settings.url}{place}/privacy"]
    assert browser.get(urlsplit(found[0]).path).status_code == 200


def test_money_is_paid_and_told_inside_it(town: VillageServer) -> None:
    browser = town.browser()
    place = make(browser)
    order = {
        "product_id": browser.get(f"{place}/api/v1/products").get_json()["data"][0]["id"],
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": "+254733000333", "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        "payment": {"by": "mpesa", "phone": "+254733000333"},
    }
    code = browser.post(f"{place}/simulator/orders", json=order).get_json()["code"]
    paid = browser.post(f"{place}/simulator/pay", json={"order": code, "fate": "paid"})

    assert paid.get_json()["payment"]["status"] == "captured"


def test_every_address_on_its_pages_is_inside_it(town: VillageServer) -> None:
    browser = town.browser()
    place = make(browser)
    for path in ("/simulator", "/", "/privacy"):
        page = browser.get(f"{place}{path}").text
        addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
        assert addresses
        assert [address for address in addresses if not address.startswith(f"{place}/")] == [], path
    assert f"<b>{place.removeprefix('/village/')}</b>" in browser.get(f"{place}/simulator").text
    assert 'action="/village"' in browser.get("/simulator").text


def test_a_script_of_the_simulator_asks_no_fixed_address() -> None:
    """`at` of server.js finds the village that a page is of, and `ask` uses it."""
    static = Path(bot.__file__).parent / "simulator/static"
    fixed = {script.name: re.findall(r"\bfetch\([\"'`]/.*", script.read_text()) for script in static.glob("*.js")}
    assert {name: lines for name, lines in fixed.items() if lines} == {}


def test_a_browser_comes_back_to_its_village_and_everybody_may_share_it(town: VillageServer) -> None:
    browser, friend = town.browser(), town.browser()
    place = make(browser)
    join(browser, place)

    assert make(browser) == place
    assert owner(friend, place) == "Amina"


def test_a_village_without_requests_is_closed_and_opened_again_as_it_was(town: VillageServer) -> None:
    browser = town.browser()
    place = make(browser)
    join(browser, place)
    name = place.removeprefix("/village/")
    town.now += IDLE_S
    other = make(town.browser())
    browser.get(f"{other}/simulator")

    assert town.villages.open_names == {other.removeprefix("/village/")}
    assert owner(browser, place) == "Amina"
    assert name in town.villages.open_names


def test_only_so_many_are_open_at_one_time(town: VillageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "MOST_OPEN", 2)
    browser = town.browser()
    places = [make(town.browser()) for _ in range(3)]
    assert [browser.get(f"{place}/simulator").status_code for place in places] == [200, 200, 503]
    town.now += BUSY_S
    browser.get(f"{places[1]}/simulator")

    assert browser.get(f"{places[2]}/simulator").status_code == 200
    assert town.villages.open_names == {place.removeprefix("/village/") for place in places[1:]}
    assert MOST_OPEN == 8


def test_the_first_village_may_take_longer_than_a_request_has_time(
    town: VillageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(settings: Settings, folder: Path) -> None:
        deadline.remaining(1.0)  # raises if the time of the request is over
        fill_with_the_seeded_shop(settings, folder)

    monkeypatch.setattr(village, "fill", slow)
    with deadline.within(-1.0):
        town.villages.make()


def test_of_many_the_one_opened_longest_ago_is_forgotten(town: VillageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "MOST_KEPT", 2)
    places = [make(town.browser()) for _ in range(3)]
    gone = town.browser().get(f"{places[0]}/simulator")

    assert [town.villages.exists(place.removeprefix("/village/")) for place in places] == [False, True, True]
    assert gone.status_code == 404
    assert "There is no village name1" in gone.text


@pytest.mark.parametrize("path", ["/village/unknown/simulator", "/village/../simulator", "/village/.blank/simulator"])
def test_a_village_that_there_is_not_is_said_in_words(town: VillageServer, path: str) -> None:
    make(town.browser())
    answer = town.browser().get(path)
    assert answer.status_code == 404
    assert town.villages.open_names == set()


def test_real_providers_of_the_server_are_none_of_a_villages(town: VillageServer, tmp_path: Path) -> None:
    real = {"sms_provider": "twilio", "payout_provider": "daraja", "collectors": ["mpesa"], "redis_url": "redis://x"}
    own = village.settings_of(town.settings.model_copy(update=real), "k7p4", tmp_path / "k7p4")

    assert own.sms_providers == {SIMULATOR}
    assert own.payout_provider == SIMULATOR
    assert own.used_collectors == (SIMULATOR,)
    assert own.redis_url is None
    assert own.url == f"{town.settings.url}/village/k7p4"

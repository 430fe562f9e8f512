"""The tour says what is next on the simulator's phones, until the artisan is paid, however people go astray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import locales
from bot.simulator.tour import NEW_NUMBERS
from tests import runs
from tests.bot.fixtures import AKINYI, OTIENO
from tests.service import Service, serving

STEPS = ["join", "sell", "order", "accept", "receive", "paid"]
PATIENCE = 40


class TourVisitor:
    """Somebody who does on the phones what the tour says."""

    def __init__(self, service: Service, language: str = "en") -> None:
        self.service, self.language = service, language
        self.phones = service.http.get("/simulator/tour/phones").get_json()

    def state(self) -> Any:
        answer = self.service.http.get("/simulator/tour/state", query_string={**self.phones, "lang": self.language})
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def done(self) -> list[str]:
        return [step["name"] for step in self.state()["steps"] if step["is_done"]]

    def moves(self) -> Iterator[Any]:
        """The moves to the end, each after the one before was made."""
        for _ in range(PATIENCE):
            move = self.state()["next"]
            yield move
            if move["how"] == "end":
                return
            self.make(move)
            self.service.work()
        raise AssertionError(f"the tour does not end: {move}")

    def make(self, move: Any) -> None:
        msisdn, typed, gateway = self.phones.get(move["phone"]), move["typed"], self.service.gateway
        match move["how"]:
            case "call":
                gateway.answer(msisdn, typed) if typed else gateway.dial(msisdn)
            case "text":
                gateway.text(msisdn, typed)
            case "shop":
                self.service.order(typed, 1, msisdn, by_mpesa=True)
            case "prompt":
                self.service.answer_prompt(msisdn, typed)
            case "paybill":
                self.service.pay_bill(msisdn, typed, int(move["also"]))
            case "wait":
                self.service.later(seconds=2)

    def until(self, reached: Callable[[Any], bool]) -> None:
        """Follow the tour until the next move is like that, which is not made."""
        assert any(reached(move) for move in self.moves())


@pytest.fixture
def service(embedded: Service) -> Service:
    return embedded


@pytest.mark.parametrize("language", runs.some_of(locales.available()))
def test_who_follows_the_tour_goes_from_joining_to_money(service: Service, language: str) -> None:
    visitor = TourVisitor(service, language)
    moves = list(visitor.moves())

    assert visitor.done() == STEPS
    assert "payout.paid" in service.events()
    assert {move["how"] for move in moves} <= {"call", "text", "shop", "prompt", "wait", "end"}
    assert [move["say"] for move in moves if "{" in move["say"]] == []
    (artisan,) = [one for one in service.api("GET", "/artisans")["data"] if one["phone"] == visitor.phones["artisan"]]
    assert (artisan["name"], artisan["language"]) == ("Amina", language)


def test_where_nobody_can_dial_all_is_done_by_text(tmp_path: Path) -> None:
    with serving(tmp_path, ussd_code="") as service:
        service.kiosk(OTIENO)
        visitor = TourVisitor(service)
        assert "call" not in {move["how"] for move in visitor.moves()}
        assert visitor.done() == STEPS


def test_the_first_screens_are_told_key_by_key(service: Service) -> None:
    visitor, said = TourVisitor(service), list[str]()
    visitor.until(lambda move: bool(said.append(move["say"]) or len(said) == 4))
    assert said == [
        "On the artisan's phone, press Call.",
        "On the artisan's phone, type 1 and press Send.",
        "On the artisan's phone, type 1 and press Send.",
        "On the artisan's phone, type Amina and press Send.",
    ]


def test_who_goes_astray_on_a_call_is_led_back(service: Service) -> None:
    visitor = TourVisitor(service)
    visitor.until(lambda move: move["typed"] == "Amina")
    service.gateway.answer(visitor.phones["artisan"], "0")
    service.gateway.answer(visitor.phones["artisan"], "3")  # help, where the tour does not lead

    assert visitor.state()["next"]["typed"] == "00"
    visitor.until(lambda move: move["typed"] == "Amina")


def test_a_call_that_dropped_is_continued(service: Service) -> None:
    visitor = TourVisitor(service)
    visitor.until(lambda move: move["typed"] == "Amina")
    visitor.make({"how": "call", "phone": "artisan", "typed": "Amina"})
    service.gateway.hang_up(visitor.phones["artisan"])

    assert "Go on" in service.gateway.dial(visitor.phones["artisan"])
    assert visitor.state()["next"]["typed"] == "1"
    visitor.until(lambda move: visitor.done() == ["join"])


def test_a_prompt_that_was_cancelled_leaves_the_paybill(service: Service) -> None:
    visitor = TourVisitor(service)
    visitor.until(lambda move: move["how"] == "prompt")
    service.answer_prompt(visitor.phones["buyer"], None)
    service.later(seconds=20)

    assert visitor.state()["next"]["how"] == "paybill"
    visitor.until(lambda move: move["typed"].startswith("YES"))


def test_an_order_that_ended_makes_its_step_undone(service: Service) -> None:
    visitor = TourVisitor(service)
    visitor.until(lambda move: move["typed"].startswith("YES"))
    service.gateway.text(visitor.phones["artisan"], visitor.state()["next"]["typed"].replace("YES", "NO"))
    service.work()
    service.later(seconds=10)

    assert visitor.done() == ["join", "sell"]


def test_each_tour_has_a_new_artisan_and_an_agent_of_a_kiosk(service: Service) -> None:
    first = TourVisitor(service)
    assert first.phones == {"artisan": f"+{NEW_NUMBERS}", "buyer": "+254733000333", "agent": OTIENO}
    assert first.phones["artisan"] != AKINYI
    first.until(lambda move: move["typed"] == "Amina")

    assert TourVisitor(service).phones["artisan"] == f"+{NEW_NUMBERS + 1}"


def test_without_a_kiosk_there_is_no_tour(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        answer = service.http.get("/simulator/tour/phones")
        assert (answer.status_code, answer.get_json()["detail"]) == (
            409,
            "There is no kiosk yet. Please try again later.",
        )


def test_the_shop_window_leads_to_the_tour(service: Service) -> None:
    assert '<a href="/simulator/tour?lang=en">See how Soko works</a>' in service.http.get("/").text
    opened = service.http.get("/simulator/tour?lang=fr")
    assert opened.location == "/simulator?lang=fr#tour"
    assert '<section class="tour"' in service.http.get(opened.location).text

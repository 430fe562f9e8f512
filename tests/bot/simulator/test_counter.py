"""Behind the counter: the steps of the story, orders with their purses, payouts, books and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.story import STEPS
from tests.bot.fixtures import AKINYI, JOY, OTIENO, POT, products_titled
from tests.bot.seeded import seeded
from tests.service import Service, serving


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A kiosk, an artisan and a product."""
    with seeded(tmp_path_factory.mktemp("shop")) as service:
        yield service


def read(service: Service, **query: str) -> Any:
    return service.http.get("/simulator/counter", query_string=query).get_json()


def states(service: Service, **query: str) -> dict[str, str]:
    return {step["step"]: step["state"] for step in read(service, **query)["story"]["steps"]}


def done(service: Service, **query: str) -> list[str]:
    return [step for step, state in states(service, **query).items() if state == "done"]


def order(service: Service, **how: Any) -> str:
    return str(service.order(products_titled(service, POT)[0]["id"], 2, JOY, **how)["code"])


def test_each_step_is_lit_when_it_is_done(shop: Service) -> None:
    found = read(shop)
    assert [step["step"] for step in found["story"]["steps"]] == list(STEPS)
    assert found["story"]["about"] is None
    assert done(shop) == ["joined", "ware in shop"]
    assert states(shop)["ordered"] == "next"
    assert found["orders"] == found["payouts"] == found["books"]["entries"] == []

    code = order(shop, by_mpesa=True)
    assert done(shop)[2:] == ["ordered"]

    shop.work()
    shop.answer_prompt(JOY, "1234")
    assert done(shop)[2:] == ["ordered", "paid", "offered"]
    (sold,) = read(shop)["orders"]
    money = {"amount": 3600_00, "currency": "KES"}
    assert sold == {
        "code": code,
        "what": "2 x Clay water pot",
        "status": "placed",
        "paid": "paid",
        "total": money,
        "purse": money,
        "needed": money,
    }
    purses = next(each for each in read(shop)["books"]["balances"] if each["account"] == "purses of orders")
    assert purses["amount"] == -3600_00
    assert read(shop)["books"]["sums"] == [{"amount": 0, "currency": "KES"}]

    shop.gateway.text(AKINYI, f"YES {code}")
    assert done(shop)[-1] == "accepted"
    shop.gateway.dial(OTIENO)
    for answer in ("1", "1", code, "2", "1"):
        shop.gateway.answer(OTIENO, answer)
    assert done(shop)[-1] == "dropped at kiosk"
    assert states(shop)["payout"] == "open"

    shop.work()
    assert states(shop)["payout"] == "done"
    (payout,) = read(shop)["payouts"]
    assert (payout["status"], payout["order"], payout["artisan"]) == ("paid", code, "Akinyi Ouma")
    assert read(shop)["orders"][0]["purse"]["amount"] == 0

    shop.api("POST", f"/orders/{shop.api('GET', '/orders')['data'][0]['id']}/ship", {"carrier": "G4S", "tracking": "1"})
    shop.gateway.text(JOY, f"RECEIVED {code}")
    assert done(shop) == list(STEPS)

    # a later order is followed instead, unless the first one is asked for; it is declined
    shop.later(minutes=1)
    later = order(shop)
    shop.gateway.text(AKINYI, f"NO {later}")
    assert read(shop)["story"]["about"] == later
    assert states(shop)["accepted"] == "failed"
    assert "next" not in states(shop).values()
    assert done(shop, order=code.lower()) == list(STEPS)
    assert read(shop)["story"]["steps"][3]["note"] == "its storefront vouches"


def test_jobs_that_wait_are_listed_and_the_news_has_their_number(shop: Service) -> None:
    def numbers() -> list[int]:
        return list(shop.http.get("/simulator/news").get_json()["counter"])

    shop.work()
    shop.later(hours=1)
    before = numbers()
    code = order(shop)
    assert numbers() != before
    shop.gateway.text(AKINYI, f"YES {code}")
    jobs = read(shop)["jobs"]
    assert jobs["waiting"] == numbers()[1] > 0
    assert {"kind": "message", "attempts": 0, "is_dead": False, "error": ""}.items() <= jobs["first"][0].items()
    assert jobs["first"][0]["due_at"] <= (shop.clock() + timedelta(minutes=1)).isoformat()


def test_what_has_not_changed_is_not_sent_again(shop: Service) -> None:
    first = shop.http.get("/simulator/counter")
    again = shop.http.get("/simulator/counter", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_a_shop_in_which_nobody_joined_begins_at_the_first_step(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.add_demo()
        assert done(service) == []
        assert states(service)["joined"] == "next"

"""Starting the shop afresh, and the clock of the simulator's page."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.demo import seed
from bot.demo.art import pictures
from marketplace_api.models import LedgerEntry
from state.tables import outbox
from tests.bot.fixtures import NEW_PHONE
from tests.service import MONDAY, Service, serving

drawn_once = SimpleNamespace(draw=cache(pictures.draw))
AMINA, BASKET = "+254711000101", "Kiondo basket"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A shop without demo data, whose pictures are drawn once."""
    monkeypatch.setattr(seed, "pictures", drawn_once)
    monkeypatch.setattr(seed, "ARTISANS", seed.ARTISANS[:1])
    with serving(tmp_path) as service:
        yield service


def post(service: Service, path: str, body: Any = None) -> Any:
    answer = service.http.post(f"/simulator/{path}", json=body)
    assert answer.status_code in (200, 204), answer.text
    return answer.get_json(silent=True)


def titles(service: Service) -> list[str]:
    return [product["title"] for product in service.api("GET", "/products")["data"]]


def of_the_demo(service: Service) -> list[str]:
    """The events, without those of pictures, which are drawn once."""
    return [event for event in service.events() if event != "product.updated"]


def photos(service: Service) -> set[str]:
    return {file.name for file in Path(service.settings.photos_dir).glob("*")}


def test_a_shop_that_starts_afresh_has_its_demo_and_nothing_else(shop: Service) -> None:
    shop.http.get("/api/v1/products?limit=1")
    noted = shop.app.extensions["outside_requests"]
    earlier = deque((came_at - timedelta(seconds=1), asked) for came_at, asked in noted.waiting)
    post(shop, "clock", {"advance_seconds": 3600})
    post(shop, "reset")
    assert (len(earlier), len(noted.waiting)) == (1, 0)
    replace(noted, waiting=earlier).log()  # as another process would
    assert shop.http.get("/simulator/wire").get_json()["data"] == []
    first, codes = of_the_demo(shop), [product["code"] for product in shop.api("GET", "/products")["data"]]
    drawn = photos(shop)
    assert BASKET in titles(shop)
    assert drawn

    basket = next(product for product in shop.api("GET", "/products")["data"] if product["title"] == BASKET)
    shop.order(basket["id"], 1, NEW_PHONE)
    shop.gateway.text(NEW_PHONE, "HELP")
    shop.gateway.dial(NEW_PHONE)
    shop.later(days=3)
    assert shop.inbox(AMINA)
    assert shop.services.sessions.mentioning(lambda _: True)

    assert post(shop, "reset") is None
    assert of_the_demo(shop) == first
    assert [product["code"] for product in shop.api("GET", "/products")["data"]] == codes
    assert photos(shop) == drawn
    assert shop.clock() == MONDAY
    assert shop.received(AMINA) == []
    assert shop.services.sessions.mentioning(lambda _: True) == []
    assert shop.api("GET", "/orders")["data"] == []
    with shop.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0

    shop.work()
    shop.order(basket["id"], 1, NEW_PHONE)  # the same product has the same id, and the ledger can be written again
    assert [text for text in shop.inbox(AMINA) if "1 x Kiondo basket" in text]


def test_the_ledger_stays_append_only_after_a_reset(shop: Service) -> None:
    post(shop, "reset")
    product = shop.api("GET", "/products")["data"][0]
    shop.order(product["id"], 1, NEW_PHONE)
    with pytest.raises(Exception, match="append-only"), shop.services.database.writing.begin() as session:
        session.execute(LedgerEntry.__table__.delete())  # type: ignore[attr-defined]


def test_a_page_of_another_origin_cannot_start_it_afresh(shop: Service) -> None:
    asked = shop.http.post("/simulator/reset", headers={"Sec-Fetch-Site": "cross-site"})
    assert asked.status_code == 403
    assert titles(shop) == []


def test_news_says_that_the_shop_began_afresh(shop: Service) -> None:
    def began() -> Any:
        return shop.http.get("/simulator/news").get_json()["began"]

    assert began() is None
    post(shop, "reset")
    assert began() == "2026-11-23T08:00:00Z"


@pytest.mark.parametrize("store", ["postgresql-redis"])
def test_other_stores_start_afresh_too(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(seed, "pictures", drawn_once)
    monkeypatch.setattr(seed, "ARTISANS", seed.ARTISANS[:1])
    urls = {"database_url": "migrated_postgres_url", "redis_url": "redis_url"}
    with serving(tmp_path, **{setting: request.getfixturevalue(fixture) for setting, fixture in urls.items()}) as shop:
        post(shop, "reset")
        shop.gateway.dial(NEW_PHONE)
        shop.order(shop.api("GET", "/products")["data"][0]["id"], 1, NEW_PHONE)
        post(shop, "reset")
        assert shop.api("GET", "/orders")["data"] == []
        assert shop.services.sessions.mentioning(lambda _: True) == []
        assert BASKET in titles(shop)


def test_the_clock_moves_stands_runs_and_goes_back(shop: Service) -> None:
    assert post(shop, "clock", {"advance_seconds": 90}) == {
        "now": "2026-11-23T08:01:30Z",
        "runs": True,
        "ahead_s": 90,
    }
    stands = post(shop, "clock", {"runs": False})
    assert stands == {"now": "2026-11-23T08:01:30Z", "runs": False, "stands_at": "2026-11-23T08:01:30Z"}
    assert post(shop, "clock", {"runs": True, "advance_seconds": 30})["ahead_s"] == 120
    assert post(shop, "clock", {"back_to_now": True}) == {"now": "2026-11-23T08:00:00Z", "runs": True, "ahead_s": 0}


@pytest.mark.parametrize(
    "body", ['{"advance_seconds": -1}', '{"advance_seconds": "60"}', '{"advance_seconds": 1e9}', "["]
)
def test_a_time_that_the_clock_cannot_be_set_to_is_refused(shop: Service, body: str) -> None:
    assert shop.http.post("/simulator/clock", data=body).status_code == 400


def test_what_was_due_later_is_due_as_much_earlier_after_the_clock_went_back(shop: Service) -> None:
    post(shop, "reset")
    shop.later(days=30)
    product = shop.api("GET", "/products")["data"][0]
    shop.order(product["id"], 1, NEW_PHONE, by_mpesa=True)
    shop.work()
    post(shop, "clock", {"back_to_now": True})
    with shop.services.database.reading() as session:
        due = session.scalars(select(outbox.c.due_at).where(outbox.c.done_at.is_(None))).all()
    assert due
    assert max(due) < datetime(2026, 11, 23, 9, tzinfo=UTC)

"""The shop that a newcomer finds, and the large one that benchmarks make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.demo import art, seed
from bot.demo.bulk import LIVES
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.models import Order, Payout
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import audit
from tests.bot.camera import opened
from tests.command_line import run_command
from tests.service import Service, serving

WARES = [(ware.title, maker.craft) for maker in seed.MAKERS for ware in maker.wares]


def products(service: Service, query: str = "limit=100") -> list[dict]:
    return service.api("GET", f"/products?{query}")["data"]  # type: ignore[no-any-return]


def test_a_newcomer_finds_every_craft_and_a_picture_of_each_ware(tmp_path: Path) -> None:
    with serving(tmp_path, with_demo=True) as service:
        found = products(service)
        assert len(found) == len(WARES) == 30
        assert {product["category"] for product in found} == set(CATEGORIES)
        assert {len(product["photos"]) for product in found} == {1}
        with service.http.get(found[0]["photos"][0]["url"]) as shown:
            assert shown.mimetype == "image/jpeg"
        assert len(service.api("GET", "/kiosks")["data"]) == len(seed.KIOSKS)


def test_seeding_again_leaves_the_shop_alone(tmp_path: Path) -> None:
    with serving(tmp_path, with_demo=True) as service:
        before = service.events()
        seed.seed(service.settings)
        assert service.events() == before


def test_a_shop_with_a_kiosk_of_its_own_is_left_alone(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()
        seed.seed(service.settings)
        assert products(service) == []


def test_what_is_said_of_the_wares_is_what_an_artisan_could_say() -> None:
    assert {title for title, _ in WARES if not 3 <= len(title) <= 40} == set()
    assert len(dict(WARES)) == len(WARES)


def test_a_ware_is_drawn_alike_every_time_and_no_two_wares_alike() -> None:
    pictures = [art.picture(*ware) for ware in WARES]
    assert len(set(pictures)) == len(WARES)
    assert art.picture(*WARES[0]) == pictures[0]
    assert opened(pictures[0]).size == (800, 600)


def test_a_ware_of_any_craft_is_drawn_whatever_it_is_called() -> None:
    pictures = {art.picture("Ngoma", craft) for craft in CATEGORIES}
    assert len(pictures) == len(CATEGORIES)


def crowded(service: Service, *sizes: str) -> str:
    answer = run_command(service.app, "demo", *sizes, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture
def crowd(migrated_database_url: str, tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, database_url=migrated_database_url) as service:
        crowded(service, "--artisans", "50", "--products", "200", "--orders", "100")
        yield service


def pages(service: Service, path: str) -> Iterator[dict]:
    page = service.api("GET", f"{path}?limit=100")
    yield from page["data"]
    while page["has_more"]:
        page = service.api("GET", f"{path}?limit=100&cursor={page['next_cursor']}")
        yield from page["data"]


def test_a_crowd_is_listed_page_by_page(crowd: Service) -> None:
    found = [list(pages(crowd, path)) for path in ("/artisans", "/products", "/orders")]
    assert [len(rows) for rows in found] == [50 + len(seed.MAKERS), 200 + len(WARES), 100]
    for rows in found[1:]:
        assert len({row["code"] for row in rows}) == len(rows)
    assert {order["status"] for order in found[2]} == {life.statuses[-1] for life in LIVES}


def test_a_crowds_wares_are_found_by_any_word_of_theirs(crowd: Service) -> None:
    one = next(pages(crowd, "/products"))
    for word in (one["code"], *one["title"].split()):
        assert one["id"] in [product["id"] for product in products(crowd, f"limit=100&q={word}")]


def test_the_money_of_a_crowd_adds_up(crowd: Service) -> None:
    with crowd.services.database.reading() as session:
        for order in session.scalars(select(Order)):
            (part,) = order.assignments
            assert order.total == order.unit_price * order.quantity == order.commission + part.earns
            assert [entry.status for entry in order.timeline][-1] == order.status
            assert max(entry.at for entry in order.timeline) <= crowd.clock()
            owed = session.scalars(select(Payout.amount).where(Payout.assignment_id == part.id)).all()
            assert owed == ([part.earns] if part.status == "received" else [])
        assert list(audit.inconsistencies(crowd.services.shop(session))) == []


def test_an_order_of_a_crowd_goes_on_to_the_end(crowd: Service) -> None:
    with crowd.services.database.writing.begin() as session:
        shop = crowd.services.shop(session)
        order = session.scalars(select(Order).where(Order.status == "placed").limit(1)).one()
        part = orders.accept(shop, order.assignments[0].artisan, order.code)
        receiving.receive(shop, part.kiosk, part.id, part.quantity)
        orders.deliver(shop, orders.ship(shop, order, "Posta", "RR1"))
        assert [entry.status for entry in order.timeline] == ["placed", "accepted", "at_kiosk", "shipped", "delivered"]


def test_a_crowd_may_grow(crowd: Service) -> None:
    crowded(crowd, "--artisans", "3")
    assert len(list(pages(crowd, "/artisans"))) == 53 + len(seed.MAKERS)


def test_products_that_nobody_could_make_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()
        answer = run_command(service.app, "demo", "--products", "1")
        assert answer.exit_code == 1
        assert "no artisan to make the products" in answer.output

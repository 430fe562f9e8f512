"""The demo data of a fresh installation, its drawn pictures, and the bulk data for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.demo import bulk, seed
from bot.demo.art import pictures
from bot.demo.bulk import ORDER_HISTORIES, BulkCounts
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.models import Order, Payout
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import audit
from tests.actors import TESTER
from tests.bot.photos.camera import opened
from tests.command_line import run_command
from tests.databases import migrated_postgres
from tests.runs import some_of
from tests.service import Service, serving

PRODUCTS = [(product.title, artisan.craft) for artisan in seed.ARTISANS for product in artisan.products]


def products(service: Service, query: str = "limit=100") -> list[dict]:
    return service.api("GET", f"/products?{query}")["data"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("demo"), with_demo=True) as service:
        yield service


def test_the_demo_has_every_craft_and_a_picture_of_each_product(demo: Service) -> None:
    found = products(demo)
    assert len(found) == len(PRODUCTS) == 30
    assert {product["category"] for product in found} == set(CATEGORIES)
    assert {len(product["photos"]) for product in found} == {1}
    with demo.http.get(found[0]["photos"][0]["url"]) as shown:
        assert shown.mimetype == "image/jpeg"
    assert len(demo.api("GET", "/kiosks")["data"]) == len(seed.KIOSKS)


def test_a_second_seed_changes_nothing(demo: Service) -> None:
    before = demo.events()
    seed.seed(demo.settings)
    assert demo.events() == before


def test_a_shop_that_has_a_kiosk_is_not_seeded(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()
        seed.seed(service.settings)
        assert products(service) == []


def test_demo_titles_are_unique_and_as_long_as_an_artisan_may_type() -> None:
    assert {title for title, _ in PRODUCTS if not 3 <= len(title) <= 40} == set()
    assert len(dict(PRODUCTS)) == len(PRODUCTS)


def test_a_product_is_drawn_the_same_each_time_and_no_two_products_alike() -> None:
    drawn = [pictures.draw(*product) for product in PRODUCTS]
    assert len(set(drawn)) == len(PRODUCTS)
    assert pictures.draw(*PRODUCTS[0]) == drawn[0]
    assert opened(drawn[0]).size == (800, 600)


def test_a_product_of_any_craft_is_drawn_whatever_its_title() -> None:
    drawn = {pictures.draw("Ngoma", craft) for craft in CATEGORIES}
    assert len(drawn) == len(CATEGORIES)


def add_bulk_data(service: Service, *sizes: str) -> str:
    answer = run_command(service.app, "demo", *sizes, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture(scope="module", params=some_of(["sqlite", "postgresql"]))
def bulk_filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A shop with bulk data, which the tests share."""
    with ExitStack() as stack:
        settings = {}
        if request.param == "postgresql":
            settings["database_url"] = stack.enter_context(
                migrated_postgres(request.getfixturevalue("postgres_server"))
            )
        service = stack.enter_context(serving(tmp_path_factory.mktemp("bulk"), **settings))
        add_bulk_data(service, "--artisans", "50", "--products", "200", "--orders", "100")
        yield service


def pages(service: Service, path: str) -> Iterator[dict]:
    page = service.api("GET", f"{path}?limit=100")
    yield from page["data"]
    while page["has_more"]:
        page = service.api("GET", f"{path}?limit=100&cursor={page['next_cursor']}")
        yield from page["data"]


def test_bulk_rows_are_listed_page_by_page(bulk_filled: Service) -> None:
    found = [list(pages(bulk_filled, path)) for path in ("/artisans", "/products", "/orders")]
    assert [len(rows) for rows in found] == [50 + len(seed.ARTISANS), 200 + len(PRODUCTS), 100]
    for rows in found[1:]:
        assert len({row["code"] for row in rows}) == len(rows)
    assert {order["status"] for order in found[2]} == {history.statuses[-1] for history in ORDER_HISTORIES}


def test_bulk_products_are_found_by_any_word_of_their_title(bulk_filled: Service) -> None:
    one = next(pages(bulk_filled, "/products"))
    for word in (one["code"], *one["title"].split()):
        assert one["id"] in [product["id"] for product in products(bulk_filled, f"limit=100&q={word}")]


def test_the_money_of_bulk_orders_adds_up(bulk_filled: Service) -> None:
    with bulk_filled.services.database.reading() as session:
        for order in session.scalars(select(Order)):
            (part,) = order.assignments
            assert order.total == order.unit_price * order.quantity == order.commission + part.earns
            assert [entry.status for entry in order.timeline][-1] == order.status
            assert max(entry.at for entry in order.timeline) <= bulk_filled.clock()
            owed = session.scalars(select(Payout.amount).where(Payout.assignment_id == part.id)).all()
            assert owed == ([part.earns] if part.status == "received" else [])
        assert list(audit.inconsistencies(bulk_filled.services.shop(session, TESTER))) == []


def test_a_bulk_order_can_be_completed(bulk_filled: Service) -> None:
    with bulk_filled.services.database.writing.begin() as session:
        shop = bulk_filled.services.shop(session, TESTER)
        order = session.scalars(select(Order).where(Order.status == "placed").limit(1)).one()
        part = orders.accept(shop, order.assignments[0].artisan, order.code)
        receiving.receive(shop, part.kiosk, part.id, part.quantity)
        orders.deliver(shop, orders.ship(shop, order, "Posta", "RR1"))
        assert [entry.status for entry in order.timeline] == ["placed", "accepted", "at_kiosk", "shipped", "delivered"]


def test_bulk_data_can_be_added_again(bulk_filled: Service) -> None:
    add_bulk_data(bulk_filled, "--artisans", "3")
    assert len(list(pages(bulk_filled, "/artisans"))) == 53 + len(seed.ARTISANS)


def test_no_later_transaction_has_the_large_cache_of_bulk_data(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()

        def cache_size() -> int:
            with service.services.database.reading() as session:
                return session.connection().exec_driver_sql("PRAGMA cache_size").scalar_one()  # type: ignore[no-any-return]

        before = cache_size()
        with service.services.database.writing.begin() as session:
            bulk.fill(service.services.shop(session, TESTER), BulkCounts(artisans=1))
        assert cache_size() == before


def test_bulk_products_without_artisans_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()
        answer = run_command(service.app, "demo", "--products", "1")
        assert answer.exit_code == 1
        assert "no artisan to make the products" in answer.output

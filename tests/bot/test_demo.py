"""The shop that a newcomer finds, and the large one that benchmarks make."""

from __future__ import annotations

from pathlib import Path

from bot import demo, drawn
from marketplace_api.categories import CATEGORIES
from tests.bot.camera import opened
from tests.service import Service, serving

WARES = [(ware.title, maker.craft) for maker in demo.MAKERS for ware in maker.wares]


def products(service: Service, query: str = "limit=100") -> list[dict]:
    return service.api("GET", f"/products?{query}")["data"]  # type: ignore[no-any-return]


def test_a_newcomer_finds_every_craft_and_a_picture_of_each_ware(tmp_path: Path) -> None:
    with serving(tmp_path, filled=True) as service:
        found = products(service)
        assert len(found) == len(WARES) == 30
        assert {product["category"] for product in found} == set(CATEGORIES)
        assert {len(product["photos"]) for product in found} == {1}
        with service.http.get(found[0]["photos"][0]["url"]) as shown:
            assert shown.mimetype == "image/jpeg"
        assert len(service.api("GET", "/kiosks")["data"]) == len(demo.KIOSKS)


def test_seeding_again_leaves_the_shop_alone(tmp_path: Path) -> None:
    with serving(tmp_path, filled=True) as service:
        before = service.events()
        demo.seed(service.settings)
        assert service.events() == before


def test_a_shop_with_a_kiosk_of_its_own_is_left_alone(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.kiosk()
        demo.seed(service.settings)
        assert products(service) == []


def test_what_is_said_of_the_wares_is_what_an_artisan_could_say() -> None:
    assert {title for title, _ in WARES if not 3 <= len(title) <= 40} == set()
    assert len(dict(WARES)) == len(WARES)


def test_a_ware_is_drawn_alike_every_time_and_no_two_wares_alike() -> None:
    pictures = [drawn.picture(*ware) for ware in WARES]
    assert len(set(pictures)) == len(WARES)
    assert drawn.picture(*WARES[0]) == pictures[0]
    assert opened(pictures[0]).size == (800, 600)


def test_a_ware_of_any_craft_is_drawn_whatever_it_is_called() -> None:
    pictures = {drawn.picture("Ngoma", craft) for craft in CATEGORIES}
    assert len(pictures) == len(CATEGORIES)

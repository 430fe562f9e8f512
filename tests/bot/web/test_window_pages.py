"""The window: every product is reached from `/`, filters and refusals in words, the buyer's language and currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from bot.web import browse_query
from bot.web.browse_query import MOST_COUNTED
from marketplace_api.catalogue.browsing import Start
from marketplace_api.payments import exchange
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, OTIENO, add_product
from tests.bot.seeded import seeded
from tests.recorded_sql import recorded_sql
from tests.service import Service

BOWLS = 5
MOST_STATEMENTS = 5
"""The products, the towns, the collectors, the rates, and one that looks for a filter that few products fulfil."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A shop with the pot of the fixtures and some bowls; to be read only."""
    folder: Path = tmp_path_factory.mktemp("window")
    with seeded(folder) as service:
        for number in range(BOWLS):
            service.clock.advance(60)
            add_product(service, AKINYI, f"Bowl {number}", price=(number + 1) * 100_00)
        with service.services.database.writing.begin() as session:
            exchange.set_rate(service.services.shop(session, TESTER), "USD", Decimal(100), Decimal(0))
        yield service


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse_query, "PER_PAGE", 2)
    monkeypatch.setattr(browse_query, "ON_FIRST_PAGE", 1)


def titles(page: str) -> list[str]:
    return re.findall(r'<h2><a href="/products/[^"]+">([^<]+)<', page)


def test_every_product_is_reached_from_the_first_page_by_its_links(shop: Service) -> None:
    address, seen = "/", list[list[str]]()
    while address:
        page = shop.http.get(address).text
        seen.append(titles(page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = unescape(following[1]) if following else ""

    assert seen == [["Bowl 4"], ["Bowl 3", "Bowl 2"], ["Bowl 1", "Bowl 0"], ["Clay water pot"]]
    assert titles(shop.http.get("/?page=2").text) == seen[1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=bowl+3", ["Bowl 3"]),
        ("category=pottery&sort=dearest", ["Clay water pot", "Bowl 4"]),
        ("min=150&max=300&sort=cheapest", ["Bowl 1", "Bowl 2"]),
        ("q=%00bowl%0A4", ["Bowl 4"]),
        ("sort=unknown", ["Bowl 4", "Bowl 3"]),
    ],
)
def test_filters(shop: Service, query: str, found: list[str]) -> None:
    answer = shop.http.get(f"/?{query}")
    assert (answer.status_code, titles(answer.text)) == (200, found)


def test_filters_stay_on_the_next_page(shop: Service) -> None:
    page = shop.http.get("/?q=bowl&sort=cheapest").text
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert titles(shop.http.get(unescape(following[1])).text) == ["Bowl 2", "Bowl 3"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("q=piano", 200, "Nothing on sale is like that."),
        ("town=Rome", 404, "Nobody sells from there."),
        ("category=cars", 404, "We have no such kind of goods."),
        ("page=9", 404, "There is no such page."),
        ("page=0", 404, "There is no such page."),
        ("page=two", 404, "There is no such page."),
        ("page=2&after=here", 404, "There is no such page."),
        ("page=2&after=1~x", 404, "There is no such page."),
        ("page=1&after=1~x", 404, "There is no such page."),
        (f"page={MOST_COUNTED + 1}", 404, "There is no such page."),
        ("min=cheap", 422, 'id="min-refusal">Please type a whole amount, such as 1500.'),
        ("min=500&max=200", 422, 'id="max-refusal">This is less than the lowest price.'),
        (f"q={'x' * 101}", 422, 'id="q-refusal">Please use at most 100 characters.'),
    ],
)
def test_what_cannot_be_found_is_refused_in_words(shop: Service, query: str, status: int, words: str) -> None:
    answer = shop.http.get(f"/?{query}")

    assert (answer.status_code, titles(answer.text)) == (status, [])
    assert words in answer.text
    assert answer.text.count("autofocus") == (1 if status == 422 else 0)


def test_a_number_alone_reaches_a_bounded_page() -> None:
    far = browse_query.read({"page": str(MOST_COUNTED)}, "KES")
    assert (far.start, far.gone) == (Start(skip=1 + (MOST_COUNTED - 2) * 2), "")
    assert browse_query.read({"page": "999999", "after": "1764576000000000~prd_1"}, "KES").gone == ""


def test_the_page_is_in_the_language_of_the_browser_until_another_is_chosen(shop: Service) -> None:
    http = shop.app.test_client()
    french = {"Accept-Language": "fr-RW, en;q=0.5"}

    assert '<html lang="fr">' in http.get("/", headers=french).text
    assert '<html lang="en">' in http.get("/", headers={"Accept-Language": "xx"}).text
    chosen = http.get("/?lang=sw", headers=french)
    assert "Tafuta" in chosen.text
    assert chosen.headers["Cache-Control"].startswith("private")
    assert '<html lang="sw">' in http.get("/", headers=french).text
    assert '<html lang="fr">' in http.get("/?lang=xx", headers=french).text


def test_a_price_is_shown_in_the_currency_that_is_chosen_too(shop: Service) -> None:
    http = shop.app.test_client()

    assert "about" not in http.get("/").text
    for page in (http.get("/?currency=USD"), http.get("/")):
        assert "KES\xa0500 <small>about USD\xa05</small>" in page.text
    assert "about" not in http.get("/?currency=EUR").text, "there is no rate"
    assert "about" not in http.get("/?currency=%3Cb%3E").text


def test_caches_are_told_what_the_window_depends_on(shop: Service) -> None:
    headers = shop.http.get("/").headers
    assert headers["Cache-Control"] == "public, max-age=60"
    assert headers["Vary"] == "Accept-Language, Cookie, Accept-Encoding"


@pytest.mark.parametrize("query", ["", "q=bowl&category=pottery&town=Kisumu&min=1&max=999&sort=dearest&currency=USD"])
def test_the_window_takes_few_statements(shop: Service, query: str) -> None:
    with recorded_sql(shop.services.engine) as statements:
        assert shop.http.get(f"/?{query}").status_code == 200
    selects = [statement for statement in statements if statement.startswith("SELECT")]
    assert len(selects) <= MOST_STATEMENTS - (not query), selects


# Makers and kiosks


def test_an_artisan_has_a_page_with_the_goods_and_the_kiosk_another(shop: Service) -> None:
    (artisan,) = shop.api("GET", "/artisans")["data"]
    maker = shop.http.get(f"/makers/{artisan['id']}")
    kiosk = shop.http.get(f"/kiosks/{artisan['kiosk_id']}?page=3")

    assert (maker.status_code, titles(maker.text)) == (200, ["Bowl 4"])
    assert all(words in maker.text for words in ("Akinyi Ouma", "Pottery", "Kisumu", f"/kiosks/{artisan['kiosk_id']}"))
    assert (kiosk.status_code, titles(kiosk.text)) == (200, ["Bowl 1", "Bowl 0"])
    assert f"/makers/{artisan['id']}" in kiosk.text


@pytest.mark.parametrize("path", ["makers/art_none", "makers/%00", "kiosks/ksk_none", "kiosks/x", "makers/{}?page=9"])
def test_a_maker_or_kiosk_that_there_is_not_is_missing_in_words(shop: Service, path: str) -> None:
    (artisan,) = shop.api("GET", "/artisans")["data"]
    answer = shop.http.get(f"/{path.format(artisan['id'])}")

    assert (answer.status_code, "This is not on sale here" in answer.text) == (404, True)


def test_a_page_of_a_maker_has_no_filters(shop: Service) -> None:
    (artisan,) = shop.api("GET", "/artisans")["data"]
    assert shop.http.get(f"/makers/{artisan['id']}?page=2&after=5~x&sort=cheapest&q=x").status_code == 404


def test_the_pages_of_the_shop_show_no_phone_number(shop: Service) -> None:
    (artisan,) = shop.api("GET", "/artisans")["data"]
    codes = [product["code"] for product in shop.api("GET", "/products")["data"]]
    pages = [
        "/",
        *(f"/products/{code}" for code in codes),
        f"/makers/{artisan['id']}",
        f"/kiosks/{artisan['kiosk_id']}",
    ]
    shown = "".join(shop.http.get(page).text for page in pages)

    for phone in (AKINYI, OTIENO):
        assert phone.removeprefix("+254") not in re.sub(r"(?<=\d)[ ().-]+(?=\d)", "", shown)
    assert "Akinyi Ouma" in shown


def test_what_the_maker_earns_of_the_price_is_shown(shop: Service) -> None:
    (bowl,) = [product["code"] for product in shop.api("GET", "/products?q=bowl+4")["data"]]
    assert "Akinyi Ouma earns KES\xa0450 of this price." in shop.http.get(f"/products/{bowl}").text

"""What programs read of the shop, its pages for what there is not, and how much a browser has to fetch."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy.exc import OperationalError

from bot.web import browse_query
from bot.web.discovery import PRIVATE_PATHS
from marketplace_api.catalogue import browsing
from tests.bot.fixtures import AKINYI, add_product
from tests.bot.seeded import seeded
from tests.service import Service

LARGEST_FIRST_PAGE = 100_000
"""In bytes, with all that it names but pictures."""
TITLE = "Bowl </script><b>1</b>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A shop with a full page of products; to be read only."""
    folder: Path = tmp_path_factory.mktemp("discovery")
    with seeded(folder) as service:
        for number in range(browsing.PER_PAGE):
            service.clock.advance(60)
            add_product(service, AKINYI, f"Bowl number {number} of sisal and leather")
        add_product(service, AKINYI, TITLE)
        yield service


def code_of(shop: Service, words: str) -> str:
    return str(shop.api("GET", f"/products?q={words}")["data"][0]["code"])


def test_the_sitemap_names_the_pages_of_the_shop_and_robots_name_the_sitemap(shop: Service) -> None:
    url = shop.settings.url
    robots = shop.http.get("/robots.txt").text
    places = ElementTree.fromstring(shop.http.get("/sitemap.xml").text).findall("{*}url/{*}loc")
    codes = [product["code"] for product in shop.api("GET", "/products?limit=100")["data"]]
    (kiosk,) = shop.api("GET", "/kiosks")["data"]

    assert sorted(str(place.text) for place in places) == sorted(
        [f"{url}/", f"{url}/kiosks/{kiosk['id']}", *(f"{url}/products/{code}" for code in codes)]
    )
    assert f"Sitemap: {url}/sitemap.xml" in robots
    assert all(f"Disallow: {path}\n" in robots for path in PRIVATE_PATHS)
    assert shop.http.get("/favicon.ico", follow_redirects=True).mimetype == "image/svg+xml"


def test_a_product_says_to_programs_what_it_is_and_costs(shop: Service) -> None:
    code = code_of(shop, "script")
    page = shop.http.get(f"/products/{code}").text
    (data,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    described = json.loads(data)

    assert (described["@type"], described["name"], described["sku"]) == ("Product", TITLE, code)
    assert described["offers"] == {
        "@type": "Offer",
        "url": f"{shop.settings.url}/products/{code}",
        "price": "1800.00",
        "priceCurrency": "KES",
        "availability": "https://schema.org/InStock",
    }
    assert f'property="og:url" content="{shop.settings.url}/products/{code}"' in page
    assert "<b>1</b>" not in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_address_that_there_is_not_is_a_page_in_words(shop: Service, language: str) -> None:
    answer = shop.app.test_client().get("/nowhere", headers={"Accept-Language": language})
    words = {"en": "There is no such page", "fr": "Cette page n&#39;existe pas"}

    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
    assert f"<h1>{words[language]}</h1>" in answer.text
    assert "<h1>" in shop.http.get("/webhooks/nowhere").text


@pytest.mark.parametrize("path", ["/", "/products/K7P4", "/makers/art_1", "/sitemap.xml"])
def test_while_the_database_fails_a_page_says_so(shop: Service, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr("bot.db.replica.LateReads.run", fail)
    answer = shop.http.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "The shop cannot be read just now. Nothing was ordered." in answer.text


def test_public_pages_are_compressed_for_who_takes_it(shop: Service) -> None:
    takes = {"Accept-Encoding": "br, gzip"}
    plain, packed = shop.http.get("/"), shop.http.get("/", headers=takes)

    assert (gzip.decompress(packed.data), packed.headers["Content-Encoding"]) == (plain.data, "gzip")
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Content-Encoding" not in plain.headers
    style = shop.http.get("/static/soko.css", headers=takes)
    assert style.headers["Content-Encoding"] == "gzip"
    again = shop.http.get("/static/soko.css", headers=takes | {"If-None-Match": style.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for path in ("/o/secret", "/static/wares/other.svg"):
        assert "Content-Encoding" not in shop.http.get(path, headers=takes).headers, path


def test_the_first_page_is_small(shop: Service) -> None:
    page = shop.http.get("/").text
    full = shop.http.get("/?sort=newest").text
    linked = re.findall(r'<(?:link rel="stylesheet"|script)[^>]* (?:href|src)="([^"]+)"', page)
    styles = [shop.http.get(address).text for address in linked]
    imported = [f"/static/{name}" for style in styles for name in re.findall(r'@import "([^"]+)"', style)]
    sizes = [len(full), *map(len, styles), *(len(shop.http.get(address).data) for address in imported)]

    assert [html.count('class="ware"') for html in (page, full)] == [browse_query.ON_FIRST_PAGE, browsing.PER_PAGE]
    assert len(linked) >= 1
    assert sum(sizes) <= LARGEST_FIRST_PAGE, sizes
    pictures = re.findall(r"<img [^>]+>", full)
    assert [tag for tag in pictures if "alt=" not in tag or "width=" not in tag or 'loading="lazy"' not in tag] == []

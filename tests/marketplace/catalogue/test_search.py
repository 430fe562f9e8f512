"""Searching the catalogue by words, in any order and case, with or without accents, or by their beginnings."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from marketplace_api.catalogue import products, search
from tests.marketplace.conftest import Sample, ShopDatabase

pytestmark = pytest.mark.every_store

WARES = {
    "Kiondo basket": "Sisal and leather, woven by hand",
    "Baobab bowl": "A big bowl, carved; 100% wood",
    "Panier tressé": "Tressé à la main à Kisumu",
    "የሸክላ ማሰሮ": "Jebena, the coffee pot",
    "Ng'ombe sandals": "For women’s feet",
}


@pytest.fixture(params=[0, search.FEW], ids=["through the newest", "from the words"])
def catalogue(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, database: ShopDatabase, sample: Sample
) -> ShopDatabase:
    """Products for the search, which is tried with both query plans (`search.FEW`)."""
    monkeypatch.setattr(search, "FEW", request.param)
    with database.open() as shop:
        products.withdraw(shop, sample.artisan, sample.product.code)
        for title, description in WARES.items():
            database.advance(seconds=1)
            products.list_product(
                database.shop(shop.session),
                sample.artisan,
                title=title,
                category="baskets",
                price=1,
                quantity=1,
                description=description,
            )
    return database


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("basket", ["Kiondo basket"]),
        ("BASKETS", ["Kiondo basket"]),
        ("basket kiondo", ["Kiondo basket"]),
        ("hand sisal", ["Kiondo basket"]),
        ("sis lea kio", ["Kiondo basket"]),
        ("basket bowl", []),
        ("tresse", ["Panier tressé"]),
        ("TRESSÉ paniers", ["Panier tressé"]),
        ("ba", ["Baobab bowl", "Kiondo basket"]),
        ("asket", []),
        ("የሸክላ", ["የሸክላ ማሰሮ"]),
        ("የሸ pot", ["የሸክላ ማሰሮ"]),
        ("ngombe", ["Ng'ombe sandals"]),
        ("ng’ombe womens", ["Ng'ombe sandals"]),
        ("100%", ["Baobab bowl"]),
        ("%", []),
        ("_", []),
        ("-'-", []),
        ("bask\U0010ffff", ["Kiondo basket"]),
    ],
)
def test_found_products_have_all_words_of_the_search(
    anonymous: FlaskClient, catalogue: ShopDatabase, q: str, found: list[str]
) -> None:
    answer = anonymous.get("/products", query_string={"q": q})
    assert [product["title"] for product in answer.json["data"]] == found


def test_a_search_combines_with_other_filters_and_pages(
    anonymous: FlaskClient, catalogue: ShopDatabase, sample: Sample
) -> None:
    def titles(**query: str) -> list[str]:
        return [product["title"] for product in anonymous.get("/products", query_string=query).json["data"]]

    assert titles(q="basket", status="withdrawn") == ["Kiondo basket"]
    assert titles(q="basket", category="pottery") == []
    assert titles(q="ba", artisan=sample.artisan.id) == ["Baobab bowl", "Kiondo basket"]
    first = anonymous.get("/products?q=ba&limit=1").json
    second = anonymous.get("/products", query_string={"q": "ba", "limit": 1, "cursor": first["next_cursor"]}).json
    assert [page["data"][0]["title"] for page in (first, second)] == ["Baobab bowl", "Kiondo basket"]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_a_product_is_found_by_its_code(anonymous: FlaskClient, catalogue: ShopDatabase, sample: Sample) -> None:
    answer = anonymous.get("/products", query_string={"q": sample.product.code.lower(), "status": "withdrawn"})
    assert [product["id"] for product in answer.json["data"]] == [sample.product.id]


@given(st.text(max_size=500))
def test_folded_words_stay_the_same_when_folded_again_and_fit_the_index(text: str) -> None:
    found = search.words(text)
    assert search.words(" ".join(found)) == found
    assert max(map(len, found), default=0) <= search.LONGEST_WORD


@given(st.text(max_size=60))
def test_case_makes_no_difference(text: str) -> None:
    assert search.words(text) == search.words(text.casefold())

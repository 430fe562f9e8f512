"""Photos of a product: the newest is first, and the same one is kept once."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace_api.catalogue import photos, products
from marketplace_api.catalogue.photos import AttachedPhoto
from marketplace_api.models import Photo, Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, recorded


def attach(shop: Shop, product: Product, name: str) -> AttachedPhoto:
    return photos.attach(shop, product.code, id=f"pht_{name}", digest=f"of {name}", width=1200, height=900)


def add(database: ShopDatabase, product: Product, *names: str) -> list[AttachedPhoto]:
    """Attach each photo in a transaction of its own."""
    attached = []
    for name in names:
        with database.open() as shop:
            attached.append(attach(shop, product, name))
    return attached


def ids(database: ShopDatabase) -> list[str]:
    with database.open() as shop:
        return list(shop.session.scalars(select(Photo.id).order_by(Photo.number.desc())))


def test_the_newest_photo_is_first_with_its_full_url(database: ShopDatabase, sample: Sample, anonymous: FlaskClient):
    add(database, sample.product, "a", "b")

    assert anonymous.get(f"/products/{sample.product.id}").get_json()["photos"] == [
        {
            "url": f"https://soko.example/photos/pht_{name}.jpg",
            "thumbnail_url": f"https://soko.example/photos/pht_{name}-small.jpg",
            "width": 1200,
            "height": 900,
        }
        for name in "ba"
    ]


def test_a_new_photo_is_an_update_of_its_product(database: ShopDatabase, sample: Sample):
    database.advance(hours=1)
    add(database, sample.product, "a")

    with database.open() as shop:
        event = recorded(shop)[-1]
        assert (event.type, event.data["photos"][0]["url"]) == (
            "product.updated",
            "https://soko.example/photos/pht_a.jpg",
        )
        assert products.by_id(shop, sample.product.id).updated_at == database.now


def test_the_same_photo_again_changes_nothing(database: ShopDatabase, sample: Sample):
    add(database, sample.product, "a")
    with database.open() as shop:
        event_count = len(recorded(shop))
        again = photos.attach(shop, sample.product.code, id="pht_b", digest="of a", width=1200, height=900)

        assert (again.photo.id, again.replaced_ids) == ("pht_a", ["pht_b"])
        assert len(recorded(shop)) == event_count
    assert ids(database) == ["pht_a"]


def test_a_photo_beyond_the_limit_replaces_the_oldest(database: ShopDatabase, sample: Sample):
    attached = add(database, sample.product, *"abcdef")

    assert [one.replaced_ids for one in attached] == [[], [], [], [], [], ["pht_a"]]
    assert ids(database) == ["pht_f", "pht_e", "pht_d", "pht_c", "pht_b"]


@pytest.mark.parametrize("code", ["Z9Z9", "no code"])
def test_an_unknown_code_is_refused(database: ShopDatabase, sample: Sample, code: str):
    with database.open() as shop, pytest.raises(Refused, match="unknown_code"):
        photos.attach(shop, code, id="pht_a", digest="of a", width=1, height=1)


def test_a_withdrawn_product_gets_no_photo(database: ShopDatabase, sample: Sample):
    with database.open() as shop:
        products.withdraw(shop, sample.artisan, sample.product.code)
    with database.open() as shop, pytest.raises(Refused, match="product_withdrawn"):
        attach(shop, sample.product, "a")

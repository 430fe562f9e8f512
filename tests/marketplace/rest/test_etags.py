"""ETags: an answer that the client has already is not sent again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from tests.marketplace.conftest import Sample, ShopDatabase


@pytest.fixture(params=["/products", "/products?limit=1&q=kiondo", "/products/{product}"])
def path(request: pytest.FixtureRequest, sample: Sample) -> str:
    return str(request.param).format(product=sample.product.id)


def test_an_unchanged_answer_is_304(anonymous: FlaskClient, path: str) -> None:
    first = anonymous.get(path)
    again = anonymous.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert not first.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("sent", ['"other", {etag}', '{etag} , W/"other"', "W/{etag}", "*"])
def test_one_matching_etag_of_several_is_enough(anonymous: FlaskClient, path: str, sent: str) -> None:
    etag = anonymous.get(path).headers["ETag"]
    assert anonymous.get(path, headers={"If-None-Match": sent.format(etag=etag)}).status_code == 304


@pytest.mark.parametrize("sent", ['"other"', "other", '"', "", 'W/"other", "and another"'])
def test_an_etag_that_does_not_match_gets_the_answer(anonymous: FlaskClient, path: str, sent: str) -> None:
    assert anonymous.get(path, headers={"If-None-Match": sent}).data == anonymous.get(path).data


def test_head_has_the_headers_of_get(anonymous: FlaskClient, path: str) -> None:
    shown, head = anonymous.get(path), anonymous.head(path)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == shown.headers[name]
    assert anonymous.head(path, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304


def test_every_visible_change_changes_the_etag(
    anonymous: FlaskClient, database: ShopDatabase, sample: Sample, path: str
) -> None:
    def rename() -> None:
        with database.open() as shop:
            artisans.rename(shop, artisans.by_id(shop, sample.artisan.id), "Amina Yusuf")

    def sell_some() -> None:
        with database.open() as shop:
            products.reserve(shop, sample.product.id, 1)

    for change in (rename, sell_some):
        etag = anonymous.get(path).headers["ETag"]
        change()
        assert anonymous.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_an_answer_404_has_no_etag(anonymous: FlaskClient) -> None:
    assert "ETag" not in anonymous.get("/products/prd_none").headers

"""API keys: stored as hashes, revoked for good, with the time of their last use."""

from __future__ import annotations

from datetime import timedelta
from urllib.request import Request, urlopen

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace_api.accounts import api_keys
from marketplace_api.events import webhooks
from marketplace_api.models import WebhookEndpoint
from marketplace_api.refused import Refused
from marketplace_api.rest.app import MarketplaceApi
from tests.http_server import running_app
from tests.marketplace.conftest import STATIC_KEY, Sample, ShopDatabase, build_api, client, order_body

SLOW_S = 5
"""Shorter than the time that a writer waits for another on SQLite."""


def used_at(database: ShopDatabase) -> list[object]:
    with database.open() as shop:
        return [key.last_used_at for key in api_keys.list_all(shop)]


def ask(sender: FlaskClient) -> int:
    """The status of an answer, after the work that follows the answer."""
    with sender.get("/orders") as answer:
        return answer.status_code


def test_the_last_use_is_known_to_the_minute_and_not_written_more_often(
    api: MarketplaceApi, database: ShopDatabase
) -> None:
    storefront, first = client(api, database, "storefront"), database.now
    assert used_at(database) == [None]
    ask(storefront)
    assert used_at(database) == [first]
    database.advance(seconds=59)
    ask(storefront)
    assert used_at(database) == [first]
    database.advance(seconds=1)
    ask(storefront)
    assert used_at(database) == [first + timedelta(minutes=1)]


def test_refused_requests_and_writes_count_as_uses_too(
    api: MarketplaceApi, database: ShopDatabase, sample: Sample
) -> None:
    storefront = client(api, database, "storefront")
    storefront.get("/payouts").close()
    assert used_at(database) == [database.now]
    database.advance(minutes=2)
    storefront.post("/orders", json=order_body(sample.product)).close()
    assert used_at(database) == [database.now]


def test_a_read_does_not_wait_for_a_writer_to_store_the_use_of_its_key(sqlite_database: ShopDatabase) -> None:
    with sqlite_database.open() as shop:
        key = api_keys.create(shop, "a storefront", "storefront")
    with running_app(build_api(sqlite_database)) as url, sqlite_database.open() as busy:
        busy.session.connection()  # holds SQLite's one write lock
        request = Request(f"{url}/orders", headers={"Authorization": f"Bearer {key}"})
        with urlopen(request, timeout=SLOW_S) as answer:
            assert answer.status == 200
            assert answer.read().startswith(b"{")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_revoked_key_opens_nothing(api: MarketplaceApi, database: ShopDatabase, by: str) -> None:
    storefront = client(api, database, "storefront")
    with database.open() as shop:
        (row,) = api_keys.list_all(shop)
    other = client(api, database, "operator")
    assert ask(storefront) == 200
    with database.open() as shop:
        assert api_keys.revoke(shop, getattr(row, by)).revoked_at == database.now
    assert (ask(storefront), ask(other)) == (401, 200)
    with database.open() as shop, pytest.raises(Refused, match="unknown_key"):
        api_keys.revoke(shop, row.id)


def test_a_name_that_several_keys_have_revokes_none(api: MarketplaceApi, database: ShopDatabase) -> None:
    keys = [client(api, database, "storefront") for _ in range(2)]
    with database.open() as shop, pytest.raises(Refused, match="many_keys"):
        api_keys.revoke(shop, "a storefront")
    assert [ask(key) for key in keys] == [200, 200]


def test_a_name_is_free_again_when_its_key_is_revoked(api: MarketplaceApi, database: ShopDatabase) -> None:
    with database.open() as shop:
        api_keys.create(shop, "web", "storefront")
        old = api_keys.revoke(shop, "web").id
        api_keys.create(shop, "web", "storefront")
        assert api_keys.revoke(shop, "web").id != old


def test_a_static_key_is_in_no_table(api: MarketplaceApi, database: ShopDatabase) -> None:
    answer = api.test_client().get("/orders", headers={"Authorization": f"Bearer {STATIC_KEY}"})
    answer.close()
    assert (answer.status_code, used_at(database)) == (200, [])


def test_a_key_is_a_wrong_key_once_it_has_expired(api: MarketplaceApi, database: ShopDatabase) -> None:
    with database.open() as shop:
        key = api_keys.create(shop, "a trial", "storefront", expires_at=shop.now + timedelta(days=30))

    def status() -> int:
        return api.test_client().get("/orders", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status() == 200
    database.advance(days=30, seconds=-1)
    assert status() == 200
    database.advance(seconds=1)
    assert status() == 401


def test_an_expired_key_is_revoked_with_its_endpoints_and_the_others_are_not(database: ShopDatabase) -> None:
    with database.open() as shop:
        key = api_keys.create(shop, "a trial", "storefront", expires_at=shop.now + timedelta(days=30))
        api_keys.create(shop, "another", "storefront", expires_at=shop.now + timedelta(days=31))
        api_keys.create(shop, "for ever", "storefront")
        caller = api_keys.find(shop.session, key, shop.now)
        assert caller
        webhooks.create(shop, caller.id, caller.endpoint_scope, "https://shop.example/soko")
        assert api_keys.revoke_expired(shop) == 0
    database.advance(days=30)
    with database.open() as shop:
        assert (api_keys.revoke_expired(shop), api_keys.revoke_expired(shop)) == (1, 0)
        assert {row.name: row.revoked_at for row in api_keys.list_all(shop)} == {
            "a trial": database.now,
            "another": None,
            "for ever": None,
        }
        assert shop.session.scalars(select(WebhookEndpoint)).all() == []

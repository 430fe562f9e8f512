"""Artisans change what stands of them, leave when nothing is open between us, and may come back."""

from __future__ import annotations

import pytest

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.events import events
from marketplace_api.models import Artisan
from marketplace_api.orders import orders
from marketplace_api.payments import balances, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Market, Stand, bring, place, register


def hers(shop: Shop, stand: Stand) -> Artisan:
    return artisans.by_id(shop, stand.artisan.id)


def told(shop: Shop) -> list[str]:
    """The events that are new since the stand was furnished."""
    return [event.type for event in events.since(shop, 0, 100)][2:]


def test_what_changes_of_her_is_told(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        artisans.rename(shop, hers(shop, stand), "Amina Otieno")
        artisans.set_kiosk(shop, hers(shop, stand), stand.kiosk.id)
        artisans.set_payout_method(shop, hers(shop, stand), "mobile_money", "+254722000111")
        assert told(shop) == ["artisan.updated", "artisan.updated", "artisan.payout_changed"]
        last = events.since(shop, 0, 100)[-1].data
    assert (last["name"], last["payout"]) == ("Amina Otieno", {"method": "mobile_money", "phone": "+254722000111"})


def test_who_leaves_takes_her_wares_off_the_shelf(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        artisans.leave(shop, hers(shop, stand))
        assert told(shop) == ["product.withdrawn", "artisan.left"]
    with market.open() as shop:
        assert hers(shop, stand).status == "left"
        assert artisans.by_msisdn(shop, stand.artisan.msisdn) is None
        assert products.by_id(shop, stand.product.id).status == "withdrawn"
        with pytest.raises(Refused, match="product_withdrawn"):
            place(shop, stand.product, 1)


def test_nobody_leaves_with_an_order_open_or_money_owed_and_nothing_is_withdrawn(market: Market, stand: Stand) -> None:
    def refusal() -> str:
        with pytest.raises(Refused) as refused, market.open() as shop:
            artisans.leave(shop, hers(shop, stand))
        return refused.value.reason

    with market.open() as shop:
        order = place(shop, stand.product, 1)
    assert refusal() == "orders_open"
    with market.open() as shop:
        orders.accept(shop, hers(shop, stand), order.code)
    assert refusal() == "orders_open"
    with market.open() as shop:
        bring(shop, stand.kiosk, order, 1)
    assert refusal() == "money_owed"
    with market.open() as shop:
        (due,) = balances.balance_of(shop, hers(shop, stand)).last
        settlement.begin_sending(shop, due.id)
        settlement.settle_paid(shop, due.id, "REF1")
        assert products.by_id(shop, stand.product.id).status == "listed"
        artisans.leave(shop, hers(shop, stand))


def test_who_comes_back_is_the_same_artisan_under_what_she_says_now(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        artisans.leave(shop, hers(shop, stand))
    with market.open() as shop:
        back = register(shop, stand.kiosk, stand.artisan.msisdn, name="Amina Otieno", payout_method="kiosk_cash")
        assert (back.id, back.status, back.name) == (stand.artisan.id, "active", "Amina Otieno")
        assert (back.payout_method, back.payout_msisdn) == ("kiosk_cash", None)
        with pytest.raises(Refused, match="already_registered"):
            register(shop, stand.kiosk, stand.artisan.msisdn)

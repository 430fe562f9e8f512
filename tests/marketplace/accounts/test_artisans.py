"""Artisans change their data, leave when nothing is open, and may come back."""

from __future__ import annotations

import pytest

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.models import Artisan
from marketplace_api.orders import orders
from marketplace_api.payments import balances, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, recorded, register


def amina(shop: Shop, sample: Sample) -> Artisan:
    return artisans.by_id(shop, sample.artisan.id)


def new_events(shop: Shop) -> list[str]:
    """The types of the events after those of the sample."""
    return [event.type for event in recorded(shop)][3:]


def test_changes_of_an_artisan_are_recorded_as_events(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.rename(shop, amina(shop, sample), "Amina Otieno")
        artisans.set_kiosk(shop, amina(shop, sample), sample.kiosk.id)
        artisans.set_payout_method(shop, amina(shop, sample), "mobile_money", "+254722000111")
        assert new_events(shop) == ["artisan.updated", "artisan.updated", "artisan.payout_changed"]
        last = recorded(shop)[-1].data
    assert (last["name"], last["payout"]) == ("Amina Otieno", {"method": "mobile_money", "phone": "+254722000111"})


def test_an_artisan_who_leaves_has_no_products_on_sale(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.leave(shop, amina(shop, sample))
        assert new_events(shop) == ["product.withdrawn", "artisan.left"]
    with database.open() as shop:
        assert amina(shop, sample).status == "left"
        assert artisans.by_msisdn(shop, sample.artisan.msisdn) is None
        assert products.by_id(shop, sample.product.id).status == "withdrawn"
        with pytest.raises(Refused, match="product_withdrawn"):
            place(shop, sample.product, 1)


def test_an_artisan_with_open_orders_or_money_owed_cannot_leave(database: ShopDatabase, sample: Sample) -> None:
    def refusal() -> str:
        with pytest.raises(Refused) as refused, database.open() as shop:
            artisans.leave(shop, amina(shop, sample))
        return refused.value.reason

    with database.open() as shop:
        order = place(shop, sample.product, 1)
    assert refusal() == "orders_open"
    with database.open() as shop:
        orders.accept(shop, amina(shop, sample), order.code)
    assert refusal() == "orders_open"
    with database.open() as shop:
        bring(shop, sample.kiosk, order, 1)
    assert refusal() == "money_owed"
    with database.open() as shop:
        (due,) = balances.balance_of(shop, amina(shop, sample)).last
        settlement.begin_sending(shop, due.id)
        settlement.settle_paid(shop, due.id, "REF1")
        assert products.by_id(shop, sample.product.id).status == "listed"
        artisans.leave(shop, amina(shop, sample))


def test_an_artisan_who_comes_back_keeps_the_id_and_changes_the_rest(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.leave(shop, amina(shop, sample))
    with database.open() as shop:
        back = register(shop, sample.kiosk, sample.artisan.msisdn, name="Amina Otieno", payout_method="kiosk_cash")
        assert (back.id, back.status, back.name) == (sample.artisan.id, "active", "Amina Otieno")
        assert (back.payout_method, back.payout_msisdn) == ("kiosk_cash", None)
        with pytest.raises(Refused, match="already_registered"):
            register(shop, sample.kiosk, sample.artisan.msisdn)


@pytest.mark.parametrize("phone", ["+447400123456", "+251700123456", "+254201234567"])
def test_a_payout_phone_is_a_wallet_of_the_network(database: ShopDatabase, sample: Sample, phone: str) -> None:
    with database.open() as shop:
        with pytest.raises(Refused, match="not_a_wallet"):
            artisans.set_payout_method(shop, sample.artisan, "mobile_money", phone)
        with pytest.raises(Refused, match="not_a_wallet"):
            register(shop, sample.kiosk, "+254712345999", payout_msisdn=phone)
        assert artisans.by_id(shop, sample.artisan.id).payout_msisdn == "+254712345678"
        assert artisans.by_msisdn(shop, "+254712345999") is None


def test_who_has_a_phone_of_another_country_is_paid_in_cash_or_on_another_phone(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        with pytest.raises(Refused, match="not_a_wallet"):
            register(shop, sample.kiosk, "+256772123456")
        artisan = register(shop, sample.kiosk, "+256772123456", payout_method="kiosk_cash")
        artisans.set_payout_method(shop, artisan, "mobile_money", "+254711000222")
        assert artisan.payout_msisdn == "+254711000222"

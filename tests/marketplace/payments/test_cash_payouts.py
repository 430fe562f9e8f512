"""Cash at the kiosk: the one-time code finds the payout, and wrong codes lock the kiosk."""

from __future__ import annotations

import pytest

from marketplace_api.accounts import artisans, help_requests
from marketplace_api.events import events
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Kiosk, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import balances, cash_payouts, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import ONE_TIME_DIGITS, Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place

pytestmark = pytest.mark.every_store


@pytest.fixture
def waiting(database: ShopDatabase, sample: Sample) -> Payout:
    """A payout of 2,700 shillings waits for Amina at the kiosk."""
    with database.open() as shop:
        artisans.set_payout_method(shop, artisans.by_id(shop, sample.artisan.id), "kiosk_cash")
        order = place(shop, sample.product, 2)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 2)
        (due,) = balances.balance_of(shop, sample.artisan).last
    return due


def try_code(database: ShopDatabase, kiosk: Kiosk, code: str) -> str:
    """What a code gives at the kiosk: the artisan's name, `nothing`, or the reason of the refusal."""
    with database.open() as shop:
        try:
            found = cash_payouts.find(shop, kiosks.by_id(shop, kiosk.id), code)
        except Refused as refused:
            return refused.reason
        return found.artisan.name if found else "nothing"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**ONE_TIME_DIGITS:0{ONE_TIME_DIGITS}}"


def test_the_cash_code_has_six_digits_and_is_in_no_event(database: ShopDatabase, waiting: Payout) -> None:
    assert waiting.cash_code is not None
    assert waiting.cash_code.isdecimal()
    assert len(waiting.cash_code) == 6
    with database.open() as shop:
        assert waiting.cash_code not in str([event.data for event in events.since(shop, 0, 100)])


def test_the_right_code_finds_the_payout_only_at_the_artisans_kiosk(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    with database.open() as shop:
        other = kiosks.create(shop, name="Far", town="Lamu", agent_name="Ali", agent_msisdn="+254711000009")
    assert try_code(database, sample.kiosk, str(waiting.cash_code)) == "Amina"
    assert try_code(database, other, str(waiting.cash_code)) == "nothing"


def test_three_wrong_codes_lock_the_kiosk_for_an_hour(database: ShopDatabase, sample: Sample, waiting: Payout) -> None:
    code = str(waiting.cash_code)
    assert [try_code(database, sample.kiosk, wrong(code)) for _ in range(3)] == ["nothing"] * 3
    assert try_code(database, sample.kiosk, code) == "locked"
    database.advance(minutes=59)
    assert try_code(database, sample.kiosk, code) == "locked"
    database.advance(minutes=1)
    assert try_code(database, sample.kiosk, code) == "Amina"


def test_a_right_code_resets_the_count_of_wrong_ones(database: ShopDatabase, sample: Sample, waiting: Payout) -> None:
    code = str(waiting.cash_code)
    tried = [wrong(code), wrong(code), code, wrong(code), wrong(code), code]
    assert [try_code(database, sample.kiosk, each) for each in tried] == ["nothing", "nothing", "Amina"] * 2


def test_cash_is_collected_once_and_its_code_is_deleted(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    def types(shop: Shop) -> list[str]:
        return [event.type for event in events.since(shop, 0, 100)]

    with database.open() as shop:
        assert cash_payouts.collect(shop, sample.kiosk, waiting.id).status == "collected"
    with database.open() as shop:
        assert types(shop)[-1] == "payout.collected"
        assert balances.balance_of(shop, sample.artisan).owed == 0
        with pytest.raises(Refused, match="payout_not_awaiting_collection"):
            cash_payouts.collect(shop, sample.kiosk, waiting.id)
    assert try_code(database, sample.kiosk, str(waiting.cash_code)) == "nothing"


def test_cash_is_never_sent_to_a_phone(database: ShopDatabase, waiting: Payout) -> None:
    with database.open() as shop, pytest.raises(Refused, match="payout_not_sendable"):
        settlement.begin_sending(shop, waiting.id)


def test_a_phone_has_one_open_help_request(database: ShopDatabase) -> None:
    with database.open() as shop:
        first, again = (help_requests.open_request(shop, "+254711000111") for _ in range(2))
        assert first.id == again.id
        assert [event.type for event in events.since(shop, 0, 10)] == ["help.requested"]

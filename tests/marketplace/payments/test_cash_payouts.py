"""Cash at the kiosk: the one-time code finds the payout, and wrong codes lock the kiosk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.persons import traces
from marketplace_api.accounts import artisans, help_requests
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Kiosk, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import balances, cash_codes, cash_payouts, payouts, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import ONE_TIME_DIGITS, Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, recorded

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


def told(database: ShopDatabase, payout: Payout) -> str:
    """The code that the artisan is told."""
    with database.open() as shop:
        return str(cash_codes.present(shop, payouts.by_id(shop, payout.id)))


def renewed(database: ShopDatabase, sample: Sample) -> str:
    """A new code for the cash that has waited longest."""
    with database.open() as shop:
        return str(cash_codes.present(shop, cash_payouts.renew_code(shop, sample.artisan)))


def test_the_cash_code_has_six_digits_and_is_in_no_table(database: ShopDatabase, waiting: Payout) -> None:
    code = told(database, waiting)
    assert code.isdecimal()
    assert len(code) == 6
    with database.open() as shop:
        for table in traces.tables(shop.session.connection()):
            assert code not in str(shop.session.execute(select(table)).all()), table.name


def test_a_code_of_another_key_is_told_and_accepted_while_that_key_is(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    code = told(database, waiting)
    with database.open() as shop:
        rotated = replace(shop, terms=replace(shop.terms, code_keys=(b"new", *shop.terms.code_keys)))
        found = cash_payouts.find(rotated, sample.kiosk, code)
        assert found
        assert cash_codes.present(rotated, found) == code
        assert cash_codes.present(replace(shop, terms=replace(shop.terms, code_keys=(b"new",))), found) is None


def test_the_last_code_told_is_the_one_that_counts(database: ShopDatabase, sample: Sample, waiting: Payout) -> None:
    first, second = told(database, waiting), renewed(database, sample)
    assert first != second
    assert try_code(database, sample.kiosk, first) == "nothing"
    assert try_code(database, sample.kiosk, second) == "Amina"
    assert told(database, waiting) == second


def test_without_cash_there_is_no_code_to_renew(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop, pytest.raises(Refused, match="payout_not_awaiting_collection"):
        cash_payouts.renew_code(shop, sample.artisan)


def test_a_code_that_another_payout_has_is_passed_over(
    database: ShopDatabase, sample: Sample, waiting: Payout, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = cash_codes._code
    first = told(database, waiting)
    monkeypatch.setattr(cash_codes, "_code", lambda key, id, number: first if number == 2 else drawn(key, id, number))
    assert renewed(database, sample) not in ("None", first)


def test_the_right_code_finds_the_payout_only_at_the_artisans_kiosk(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    with database.open() as shop:
        other = kiosks.create(shop, name="Far", town="Lamu", agent_name="Ali", agent_msisdn="+254711000009")
    assert try_code(database, sample.kiosk, told(database, waiting)) == "Amina"
    assert try_code(database, other, told(database, waiting)) == "nothing"


def test_three_wrong_codes_lock_the_kiosk_for_an_hour(database: ShopDatabase, sample: Sample, waiting: Payout) -> None:
    code = told(database, waiting)
    assert [try_code(database, sample.kiosk, wrong(code)) for _ in range(3)] == ["nothing"] * 3
    assert try_code(database, sample.kiosk, code) == "locked"
    database.advance(minutes=59)
    assert try_code(database, sample.kiosk, code) == "locked"
    database.advance(minutes=1)
    assert try_code(database, sample.kiosk, code) == "Amina"


def test_only_a_payment_resets_the_count_of_wrong_codes(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    code = told(database, waiting)
    tried = [wrong(code), wrong(code), code, wrong(code), code]
    outcomes = [try_code(database, sample.kiosk, each) for each in tried]
    assert outcomes == ["nothing", "nothing", "Amina", "nothing", "locked"]
    database.advance(hours=1)
    assert [try_code(database, sample.kiosk, each) for each in (wrong(code), code)] == ["nothing", "locked"]
    database.advance(hours=1)
    with database.open() as shop:
        cash_payouts.collect(shop, sample.kiosk, waiting.id)
    assert [try_code(database, sample.kiosk, wrong(code)) for _ in range(3)] == ["nothing"] * 3


def test_ten_wrong_codes_lock_the_kiosk_until_the_day_ends_and_void_the_codes_of_before(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    database.now = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # eight o'clock in Nairobi
    code = told(database, waiting)
    for _ in range(cash_payouts.TRIES_A_DAY):
        assert try_code(database, sample.kiosk, wrong(code)) == "nothing"
        with database.open() as shop:  # a payment by another artisan: the day goes on counting
            kiosks.by_id(shop, sample.kiosk.id).wrong_cash_codes = 0
    database.advance(hours=3, minutes=59)
    assert try_code(database, sample.kiosk, code) == "locked"
    database.advance(minutes=1)
    assert try_code(database, sample.kiosk, code) == "nothing"
    assert try_code(database, sample.kiosk, renewed(database, sample)) == "Amina"


def test_cash_is_collected_once_and_its_code_is_deleted(
    database: ShopDatabase, sample: Sample, waiting: Payout
) -> None:
    def types(shop: Shop) -> list[str]:
        return [event.type for event in recorded(shop)]

    code = told(database, waiting)
    with database.open() as shop:
        assert cash_payouts.collect(shop, sample.kiosk, waiting.id).status == "collected"
    with database.open() as shop:
        assert types(shop)[-1] == "payout.collected"
        assert balances.balance_of(shop, sample.artisan).owed == 0
        with pytest.raises(Refused, match="payout_not_awaiting_collection"):
            cash_payouts.collect(shop, sample.kiosk, waiting.id)
    assert try_code(database, sample.kiosk, code) == "nothing"


def test_cash_is_never_sent_to_a_phone(database: ShopDatabase, waiting: Payout) -> None:
    with database.open() as shop, pytest.raises(Refused, match="payout_not_sendable"):
        settlement.begin_sending(shop, waiting.id)


def test_a_phone_has_one_open_help_request(database: ShopDatabase) -> None:
    with database.open() as shop:
        first, again = (help_requests.open_request(shop, "+254711000111") for _ in range(2))
        assert first.id == again.id
        assert [event.type for event in recorded(shop)] == ["help.requested"]

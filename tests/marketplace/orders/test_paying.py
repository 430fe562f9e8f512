"""What a buyer's payment means for the order: it is offered once it is paid, and money that is not kept goes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select

from marketplace_api.accounts import artisans
from marketplace_api.models import BuyerPayment, Event, Order, Refund
from marketplace_api.orders import briefs, closing, deadlines, orders, paying
from marketplace_api.payments import audit, buyer_payments, exchange, ledger, purse, refunds
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, request

PHONE = "+254711000222"
PRICE = 1_500_00
MPESA, CARD = ledger.collector_account("simulator"), "collector:simulator:USD"


def unpaid(shop: Shop, sample: Sample, quantity: int = 2) -> Order:
    return orders.place(shop, replace(request(), vouched=False), sample.product.id, quantity)


def asked(shop: Shop, order: Order) -> BuyerPayment:
    """A payment by phone that the buyer is asked for."""
    payment = paying.start_by_phone(shop, orders.lock(shop, order), PHONE)
    buyer_payments.begin_asking(shop, payment.id)
    return buyer_payments.set_asked(shop, payment.id, f"ws_{payment.id}", None)


def paid(shop: Shop, sample: Sample, quantity: int = 2) -> Order:
    """An order that its buyer has paid by phone."""
    order = unpaid(shop, sample, quantity)
    paying.settle_captured(shop, asked(shop, order).id, f"SG{order.code}")
    return order


def refund_of(shop: Shop) -> Refund:
    return shop.session.scalars(select(Refund)).one()


def types(shop: Shop) -> list[str]:
    return list(shop.session.scalars(select(Event.type).order_by(Event.seq)))


def check(shop: Shop) -> None:
    assert list(audit.inconsistencies(shop)) == []


# -- an order that is not paid


def test_nobody_is_offered_an_order_before_it_is_paid(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)

        assert (order.status, order.payment_status, order.assignments) == ("unpaid", "unpaid", [])
        assert "order.placed" not in types(shop)
        product = order.product
        assert product
        assert product.quantity == 1, "its pieces are reserved"
        check(shop)


def test_an_order_that_is_not_paid_in_time_expires_and_its_pieces_are_free(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
    database.advance(minutes=14)
    with database.open() as shop:
        assert deadlines.expire_unpaid(shop) == 0
    database.advance(minutes=1)
    with database.open() as shop:
        assert deadlines.expire_unpaid(shop) == 1

        order = orders.by_id(shop, order.id)
        assert (order.status, order.product and order.product.quantity) == ("expired", 3)
        check(shop)


def test_pieces_are_held_longer_once_a_card_payment_has_begun(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        paying.start_by_card(shop, orders.lock(shop, order), "KES", "https://shop.example/o/1")

        assert order.expires_at == order.created_at + timedelta(minutes=35)


@pytest.mark.parametrize(("card_first", "last_minute"), [(False, 12), (True, 32)])
def test_nobody_is_prompted_who_could_pay_after_the_order_has_ended(
    database: ShopDatabase, sample: Sample, card_first: bool, last_minute: int
) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        if card_first:
            card = paying.start_by_card(shop, orders.lock(shop, order), "KES", "https://shop.example/o/1")
            buyer_payments.fail(shop, card.id, "declined", "no")
    database.advance(minutes=last_minute)
    with database.open() as shop:
        first = asked(shop, order)
        assert first.expires_at == orders.by_id(shop, order.id).expires_at, "in time to the second"
        buyer_payments.fail(shop, first.id, "wrong_pin", "2001")
    database.advance(seconds=1)
    with database.open() as shop:
        with pytest.raises(Refused, match="too_late_to_pay"):
            paying.start_by_phone(shop, orders.lock(shop, order), PHONE)
        again = paying.start_by_card(shop, orders.lock(shop, order), "KES", "https://shop.example/o/1")
        ends_at = orders.by_id(shop, order.id).expires_at
        assert (again.expires_at, ends_at) == (ends_at, order.created_at + timedelta(minutes=35))


def test_a_payment_whose_order_is_cancelled_before_the_buyer_is_asked_lapses(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = paying.start_by_phone(shop, orders.lock(shop, order), PHONE)
        orders.cancel(shop, order)

        assert (order.status, payment.status) == ("cancelled", "lapsed")
        check(shop)


# -- an order that is paid


def test_a_paid_order_is_offered_for_its_whole_time(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = asked(shop, order)
    database.advance(minutes=2)
    with database.open() as shop:
        paying.settle_captured(shop, payment.id, "SG1")
        order = orders.by_id(shop, order.id)

        assert (order.status, order.payment_status) == ("placed", "paid")
        assert [part.status for part in order.assignments] == ["offered"]
        assert order.expires_at == shop.now + orders.OFFER_STANDS
        assert types(shop)[-3:] == ["payment.captured", "order.placed", "order.funded"]
        assert (purse.held(shop, order), ledger.balance(shop, MPESA)) == (2 * PRICE, 2 * PRICE)
        check(shop)


def test_a_captured_payment_changes_nothing_a_second_time(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = asked(shop, order)
        paying.settle_captured(shop, payment.id, None)
        before = types(shop)
        paying.settle_captured(shop, payment.id, "SG1")
        paying.settle_captured(shop, payment.id, "SG1")

        assert types(shop) == before
        assert payment.reference == "SG1", "the receipt that came later is stored"


def test_one_receipt_is_one_payment(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        first, second = asked(shop, unpaid(shop, sample, 1)), asked(shop, unpaid(shop, sample, 1))
        paying.settle_captured(shop, first.id, "SG1")

        with pytest.raises(Refused, match="reference_known"):
            paying.settle_captured(shop, second.id, "SG1")


def test_a_brief_is_offered_to_those_who_can_make_it_when_it_is_paid(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        wanted = briefs.NewBrief("Gift baskets", "baskets", 100_00, 10, shop.today.replace(year=2027))
        order = briefs.place(shop, replace(request(), vouched=False), wanted)
        assert order.assignments == []
        paying.settle_captured(shop, asked(shop, order).id, "SG1")

        assert [part.artisan_id for part in order.assignments] == [sample.artisan.id]
        check(shop)


def test_money_for_an_order_whose_artisan_has_left_goes_back(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = asked(shop, order)
        artisans.leave(shop, sample.artisan)
        paying.settle_captured(shop, payment.id, "SG1")

        assert (order.status, order.payment_status) == ("declined", "refunded")
        assert refund_of(shop).shop_amount == 2 * PRICE
        check(shop)


# -- money that goes back


@pytest.mark.parametrize("ending", ["decline", "cancel", "expire"])
def test_the_money_of_an_order_that_ends_goes_back_whole(database: ShopDatabase, sample: Sample, ending: str) -> None:
    with database.open() as shop:
        order = paid(shop, sample)
        {
            "decline": lambda: orders.decline(shop, sample.artisan, order.code),
            "cancel": lambda: orders.cancel(shop, order),
            "expire": lambda: orders.expire(shop, order),
        }[ending]()

        refund = refund_of(shop)
        assert (refund.shop_amount, refund.amount, refund.reason, refund.status) == (
            2 * PRICE,
            2 * PRICE,
            "ended",
            "due",
        )
        assert order.payment_status == "refunded"
        check(shop)


def test_the_money_of_missing_pieces_goes_back_and_the_artisan_is_paid_for_the_others(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = paid(shop, sample, 3)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)

        refund = refund_of(shop)
        assert (refund.shop_amount, refund.reason, order.payment_status) == (2 * PRICE, "reduced", "part_refunded")
        assert ledger.balance(shop, ledger.artisan_account(sample.artisan.id)) == -1_350_00
        check(shop)


def test_money_of_a_second_payment_goes_back_whole(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        first = asked(shop, order)
        buyer_payments.fail(shop, first.id, "unreachable", "1037")
        second = asked(shop, order)
        paying.settle_captured(shop, second.id, "SG2")
        paying.settle_captured(shop, first.id, "SG1")

        assert (first.is_kept, second.is_kept, order.payment_status) == (False, True, "paid")
        refund = refund_of(shop)
        assert (refund.payment_id, refund.shop_amount, refund.reason) == (first.id, 2 * PRICE, "second")
        check(shop)


@pytest.mark.parametrize("then", ["expired", "unpaid"])
def test_money_after_its_time_goes_back_whole(database: ShopDatabase, sample: Sample, then: str) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = asked(shop, order)
        buyer_payments.lapse(shop, payment.id)
        if then == "expired":
            orders.expire(shop, order)
        paying.settle_captured(shop, payment.id, "SG1")

        assert (order.status, order.payment_status, refund_of(shop).reason) == (then, "unpaid", "late")
        check(shop)


def test_money_on_its_way_when_the_order_is_cancelled_goes_back_whole(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        payment = asked(shop, order)
        orders.cancel(shop, order)
        assert payment.status == "asked"
        paying.settle_captured(shop, payment.id, "SG1")

        assert (order.status, refund_of(shop).shop_amount) == ("cancelled", 2 * PRICE)
        check(shop)


def test_a_void_gives_back_what_no_artisan_has_earned(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = paid(shop, sample, 3)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1, follows=True)
        closing.void(shop, order, "the others are never brought")

        assert refund_of(shop).shop_amount == 2 * PRICE
        assert ledger.balance(shop, ledger.artisan_account(sample.artisan.id)) == -1_350_00
        check(shop)


# -- the steps of a refund


def test_a_refund_is_entered_at_each_step(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = paid(shop, sample)
        orders.cancel(shop, order)
        refund = refund_of(shop)
        assert ledger.balances(shop, [ledger.REFUNDS, ledger.REFUNDING, MPESA]) == {
            ledger.REFUNDS: -2 * PRICE,
            ledger.REFUNDING: 0,
            MPESA: 2 * PRICE,
        }
        refunds.begin_sending(shop, refund.id, "simulator")
        check(shop)
        refunds.settle_failed(shop, refund.id, "the float is empty")
        check(shop)
        refunds.retry(shop, refund.id)
        refunds.begin_sending(shop, refund.id, "simulator")
        refunds.mark_unknown(shop, refund.id)
        refunds.settle_done(shop, refund.id, "RV1")

        assert set(ledger.balances(shop, [ledger.REFUNDS, ledger.REFUNDING, MPESA]).values()) == {0}
        assert [type for type in types(shop) if type.startswith("refund")] == [
            *("refund.due", "refund.failed", "refund.due", "refund.done"),
        ]
        check(shop)


def test_an_operator_gives_back_by_other_means(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        orders.cancel(shop, paid(shop, sample))
        refunds.settle_elsewhere(shop, refund_of(shop).id, "wire 7")

        assert ledger.balance(shop, ledger.BANK) == -2 * PRICE
        check(shop)


def test_what_an_operator_gives_back_is_our_loss_until_the_order_needs_less(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = paid(shop, sample)
        payment = purse.kept_payment(shop, order)
        assert payment
        paying.give_back(shop, payment.id, 500_00)
        assert (purse.held(shop, order), ledger.balance(shop, ledger.LOSSES)) == (2 * PRICE, 500_00)
        orders.cancel(shop, order)

        assert sorted(refund.shop_amount for refund in payment.refunds) == [500_00, 2 * PRICE - 500_00]
        assert ledger.balance(shop, ledger.LOSSES) == 0
        check(shop)


def test_no_more_than_a_payment_goes_back(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        payment = purse.kept_payment(shop, paid(shop, sample))
        assert payment
        with pytest.raises(Refused, match="refund_too_large"):
            paying.give_back(shop, payment.id, 2 * PRICE + 1)


# -- other currencies


def in_dollars(shop: Shop, sample: Sample, quantity: int = 3) -> tuple[Order, BuyerPayment]:
    exchange.set_rate(shop, "USD", Decimal("129.50"), Decimal(0))
    order = unpaid(shop, sample, quantity)
    payment = paying.start_by_card(shop, orders.lock(shop, order), "USD", "https://shop.example/o/1")
    buyer_payments.begin_asking(shop, payment.id)
    buyer_payments.set_asked(shop, payment.id, "cs_1", "https://pay.example/cs_1")
    return order, paying.settle_captured(shop, payment.id, "pi_1", fee=1_30)


def test_a_payment_in_dollars_fills_the_purse_in_shillings(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payment = in_dollars(shop, sample)

        assert (payment.amount, payment.currency, payment.rate) == (34_75, "USD", "129.5")  # 4,500 / 129.50 = 34.749
        assert purse.held(shop, order) == 3 * PRICE
        assert ledger.balance(shop, CARD) == 34_75 - 1_30
        check(shop)


def test_refunds_of_a_payment_in_dollars_sum_up_to_it_exactly(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payment = in_dollars(shop, sample)
        orders.accept(shop, sample.artisan, order.code, 1)
        closing.void(shop, order, "never brought")

        assert [refund.shop_amount for refund in payment.refunds] == [2 * PRICE, PRICE]
        assert [refund.amount for refund in payment.refunds] == [23_16, 11_59]
        for refund in list(payment.refunds):
            refunds.begin_sending(shop, refund.id, "simulator")
            refunds.settle_done(shop, refund.id, f"re_{refund.id}")
        assert ledger.balance(shop, CARD) == -1_30, "only the fee is gone"
        assert ledger.balance(shop, ledger.FX) == ledger.balance(shop, "fx:USD") == 0
        check(shop)


@pytest.mark.parametrize(("margin", "amount"), [("0", 34_75), ("2.0", 35_45), ("10", 38_23)])
def test_a_margin_is_paid_on_top(database: ShopDatabase, margin: str, amount: int) -> None:
    with database.open() as shop:
        exchange.set_rate(shop, "USD", Decimal("129.50"), Decimal(margin))

        assert exchange.price_in(shop, 3 * PRICE, "USD").amount == amount


def test_a_currency_without_cents_is_charged_in_whole_units(database: ShopDatabase) -> None:
    with database.open() as shop:
        exchange.set_rate(shop, "JPY", Decimal("0.87"), Decimal(0))

        assert exchange.price_in(shop, 3 * PRICE, "JPY").amount == 5173  # 4,500 / 0.87 = 5,172.4


@pytest.mark.parametrize(
    ("currency", "rate", "amount", "step"),
    [
        ("KWD", "421.7", 10_680, 10),  # 4,500 / 421.7 = 10.6711
        ("JPY", "0.87", 5173, 1),
        ("UGX", "0.0351", 128_206, 1),  # 4,500 / 0.0351 = 128,205.1
        ("HUF", "0.35", 12_857_15, 1),  # 4,500 / 0.35 = 12,857.1429
    ],
)
def test_each_part_that_goes_back_is_one_that_a_card_can_be_paid(
    database: ShopDatabase, sample: Sample, currency: str, rate: str, amount: int, step: int
) -> None:
    with database.open() as shop:
        exchange.set_rate(shop, currency, Decimal(rate), Decimal(0))
        order = unpaid(shop, sample, 3)
        payment = paying.start_by_card(shop, orders.lock(shop, order), currency, "https://shop.example/o/1")
        buyer_payments.begin_asking(shop, payment.id)
        paying.settle_captured(shop, payment.id, "pi_1")
        assert payment.amount == amount
        orders.accept(shop, sample.artisan, order.code, 2)
        paying.give_back(shop, payment.id, 7_77)
        closing.void(shop, order, "never brought")
        parts = [refund.amount for refund in payment.refunds]
        assert (len(parts), sum(parts)) == (3, amount)
        assert [part % step for part in parts] == [0, 0, 0]
        for refund in list(payment.refunds):
            refunds.begin_sending(shop, refund.id, "simulator")
            refunds.settle_done(shop, refund.id, f"re_{refund.id}")
        accounts = (f"collector:simulator:{currency}", ledger.FX, f"fx:{currency}")
        assert [ledger.balance(shop, account) for account in accounts] == [0, 0, 0]
        check(shop)


def test_a_rate_is_valid_for_a_day(database: ShopDatabase) -> None:
    with database.open() as shop:
        exchange.set_rate(shop, "USD", Decimal("129.50"), Decimal(0))
    database.advance(hours=24, seconds=1)
    with database.open() as shop, pytest.raises(Refused, match="no_exchange_rate"):
        exchange.price_in(shop, PRICE, "USD")


# -- refused, and nothing is stored


def test_a_second_try_waits_until_the_first_has_an_answer(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        asked(shop, order)
        with pytest.raises(Refused, match="payment_open"):
            paying.start_by_phone(shop, orders.lock(shop, order), PHONE)


def test_nobody_is_asked_by_a_collector_that_is_paused(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        start = partial(paying.start_by_phone, shop, orders.lock(shop, order), PHONE)
        paying.pause_collecting(shop, "simulator", "wrong passkey")
        with pytest.raises(Refused, match="no_collector"):
            start()
        assert paying.resume_collecting(shop, "simulator")
        assert start().status == "created"


def test_a_phone_of_another_network_is_not_charged(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop, pytest.raises(Refused, match="phone_not_charged"):
        paying.start_by_phone(shop, orders.lock(shop, unpaid(shop, sample)), "+447400123456")


# -- an operator


def test_money_that_an_operator_saw_arrive_pays_for_an_order(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = unpaid(shop, sample)
        with pytest.raises(Refused, match="wrong_total"):
            paying.announce(shop, order, PRICE, "wire 1")
        payment = paying.announce(shop, order, 2 * PRICE, "wire 1")

        assert (order.status, payment.status, payment.method) == ("placed", "captured", "operator")
        assert ledger.balance(shop, ledger.BANK) == 2 * PRICE
        check(shop)


# -- disputes


def test_a_lost_dispute_is_our_loss_and_the_artisan_keeps_the_money(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payment = in_dollars(shop, sample)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 3)
        paying.dispute(shop, payment.id)
        paying.end_dispute(shop, payment.id, won=False)

        assert payment.status == "charged_back"
        assert (ledger.balance(shop, ledger.LOSSES), ledger.balance(shop, CARD)) == (3 * PRICE, -1_30)
        check(shop)

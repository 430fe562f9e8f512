"""What every collector must do, whether it answers at once, by a callback or when queried."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    Refunded,
    Refunding,
    RefundPending,
    RefundStatus,
    StillOpen,
)
from bot.providers.errors import PaymentError
from tests.collectors.rigs import Buyer, Rig, captured_by

SICK: tuple[tuple[int | None, bytes], ...] = (
    *((None, b""), (200, b"<html>"), (200, b"{}"), (200, b"[]"), (302, b"")),
    *((403, b"<html>"), (429, b"{}"), (500, b""), (503, b"<html>")),
)
"""Answers that say nothing about a charge; without a status the provider hangs up."""


def asked(rig: Rig, charge: Charge) -> str:
    """The provider's id of the charge, after the buyer was asked."""
    answer = rig.collector.ask(charge)
    assert isinstance(answer, Asked)
    return answer.provider_id


def ended(rig: Rig, charge: Charge, provider_id: str) -> ChargeStatus:
    """The status of a charge; the status after it was closed if the buyer may still pay in another way."""
    status = rig.collector.query(charge, provider_id)
    return rig.collector.close(charge, provider_id) if status == StillOpen() else status


def captured(rig: Rig, amount: int = 1500_00) -> tuple[Charge, str, Captured]:
    """A charge that was paid, its id at the provider, and what is known of the payment: a receipt too."""
    charge = rig.charge("waits", amount)
    provider_id = asked(rig, charge)
    rig.pay(provider_id)
    rig.advance(2)
    status = rig.collector.query(charge, provider_id)
    assert isinstance(status, Captured)
    (told, *_) = [status] if status.reference else captured_by(rig.handler.recorded)
    return charge, provider_id, told


def refunding(rig: Rig, paid: tuple[Charge, str, Captured], amount: int | None = None, **other: Any) -> Refunding:
    charge, provider_id, told = paid
    return Refunding(
        *("rfd_1", "refund-token", charge.id, provider_id, told.reference),
        amount=amount or charge.amount,
        currency=charge.currency,
        whole=amount is None,
        about=charge.about,
        **other,
    )


def refund(rig: Rig, wanted: Refunding) -> RefundStatus | None:
    answer = rig.collector.refund(wanted)
    return rig.refund_outcome(wanted) if isinstance(answer, RefundPending) else answer


# -- charges


def test_a_buyer_is_asked_and_the_charge_is_open_until_the_buyer_answers(rig: Rig) -> None:
    charge = rig.charge("waits")
    provider_id = asked(rig, charge)
    assert rig.collector.query(charge, provider_id) == StillOpen()
    assert rig.total_collected() == 0


def test_a_charge_that_was_paid_is_captured_with_its_amount(rig: Rig) -> None:
    charge, provider_id, told = captured(rig)
    assert (told.amount, told.currency) == (charge.amount, charge.currency)
    assert told.reference
    status = rig.collector.query(charge, provider_id)
    assert isinstance(status, Captured)
    assert status.amount in (None, charge.amount)
    assert rig.total_collected() == charge.amount


@pytest.mark.parametrize(
    ("buyer", "reasons"),
    [
        ("cancels", {NotCapturedReason.CANCELLED, NotCapturedReason.DECLINED}),
        ("has no balance", {NotCapturedReason.NO_BALANCE, NotCapturedReason.DECLINED}),
    ],
)
def test_a_charge_that_was_not_paid_has_a_reason(rig: Rig, buyer: Buyer, reasons: set[NotCapturedReason]) -> None:
    charge = rig.charge(buyer)
    answer = rig.collector.ask(charge)
    status = ended(rig, charge, answer.provider_id) if isinstance(answer, Asked) else answer
    assert isinstance(status, NotCaptured)
    assert status.reason in reasons
    assert status.detail
    assert rig.total_collected() == 0


def test_a_buyer_who_waited_may_cancel(rig: Rig) -> None:
    charge = rig.charge("waits")
    provider_id = asked(rig, charge)
    rig.cancel(provider_id)
    status = ended(rig, charge, provider_id)
    assert isinstance(status, NotCaptured)
    assert status.reason in {NotCapturedReason.CANCELLED, NotCapturedReason.DECLINED}


def test_after_a_lost_answer_the_charge_is_found_and_the_buyer_is_charged_once(rig: Rig) -> None:
    charge = rig.charge("answer lost")
    with pytest.raises(PaymentError) as error:
        rig.collector.ask(charge)
    assert error.value.reason.outcome_unknown
    rig.advance(2)
    if rig.collector.asks_once:
        assert [token for token, _ in rig.handler.recorded] == [charge.token]  # type: ignore[misc]
        (provider_id,) = rig.handler.provider_ids
        assert provider_id
    else:
        provider_id = asked(rig, charge)
    assert isinstance(rig.collector.query(charge, provider_id), Captured)
    assert rig.total_collected() == charge.amount


def test_a_charge_whose_time_is_over_is_closed_and_tells_what_it_is_then(rig: Rig) -> None:
    charge = rig.charge("waits")
    provider_id = asked(rig, charge)
    rig.advance(15 * 60)
    assert isinstance(rig.collector.close(charge, provider_id), NotCaptured)


def test_a_charge_that_is_closed_after_it_was_paid_is_captured(rig: Rig) -> None:
    charge, provider_id, _ = captured(rig)
    assert isinstance(rig.collector.close(charge, provider_id), Captured)


# -- callbacks


def test_a_callback_may_come_before_the_answer(rig: Rig) -> None:
    charge = rig.charge("pays")
    provider_id = asked(rig, charge)
    assert len(rig.handler.recorded) == 1
    assert isinstance(rig.collector.query(charge, provider_id), Captured)


def test_a_callback_may_never_come_and_a_query_tells(rig: Rig) -> None:
    charge = rig.charge("silent")
    provider_id = asked(rig, charge)
    rig.advance(3600)
    assert rig.handler.recorded == []
    assert isinstance(rig.collector.query(charge, provider_id), Captured)


def test_a_callback_may_come_twice_and_says_the_same(rig: Rig) -> None:
    charge = rig.charge("twice")
    asked(rig, charge)
    rig.advance(5)
    first, second = rig.handler.recorded
    assert first == second
    assert rig.total_collected() == charge.amount


def test_money_may_come_after_the_charge_seemed_to_have_failed(rig: Rig) -> None:
    charge = rig.charge("late")
    provider_id = asked(rig, charge)
    rig.advance(2)
    assert not isinstance(rig.collector.query(charge, provider_id), Captured)
    rig.handler.recorded.clear()
    rig.advance(3600)
    assert len(rig.handler.recorded) == 1
    assert isinstance(rig.collector.query(charge, provider_id), Captured)


def test_a_forged_callback_has_no_token_of_ours_and_changes_no_answer_of_the_provider(rig: Rig) -> None:
    charge = rig.charge("waits")
    provider_id = asked(rig, charge)
    rig.forge(charge, provider_id)
    assert charge.token not in [told[0] for told in rig.handler.recorded]  # type: ignore[index]
    assert rig.collector.query(charge, provider_id) == StillOpen()
    assert rig.total_collected() == 0


# -- refunds


def test_all_of_a_payment_goes_back(rig: Rig) -> None:
    paid = captured(rig)
    outcome = refund(rig, refunding(rig, paid))
    assert isinstance(outcome, Refunded)
    assert outcome.reference
    assert rig.total_collected() == 0


def test_a_part_of_a_payment_goes_back_or_certainly_does_not(rig: Rig) -> None:
    paid = captured(rig)
    outcome = refund(rig, refunding(rig, paid, 400_00))
    if isinstance(outcome, Refunded):
        assert rig.total_collected() == 1100_00
    else:
        assert isinstance(outcome, NotRefunded)
        assert (outcome.reason, rig.total_collected()) == (NotRefundedReason.NOT_POSSIBLE, 1500_00)


def test_a_refund_that_is_requested_twice_goes_back_once(rig: Rig) -> None:
    paid = captured(rig)
    first = refund(rig, refunding(rig, paid))
    again = refund(rig, replace(refunding(rig, paid), token="another-token"))
    assert isinstance(first, Refunded)
    assert again == first or (isinstance(again, NotRefunded) and again.reason is NotRefundedReason.ALREADY)
    assert rig.total_collected() == 0


def test_a_query_tells_that_a_payment_went_back(rig: Rig) -> None:
    wanted = refunding(rig, captured(rig))
    refund(rig, wanted)
    answer = rig.collector.query_refund(wanted)
    outcome = rig.refund_outcome(wanted) if isinstance(answer, RefundPending) else answer
    assert isinstance(outcome, Refunded)


# -- a sick provider


@pytest.mark.parametrize(("status", "body"), SICK)
def test_for_an_hour_a_sick_provider_says_nothing_about_a_charge_and_then_what_it_was(
    rig: Rig, status: int | None, body: bytes
) -> None:
    charge, provider_id, told = captured(rig)
    wanted = refunding(rig, (charge, provider_id, told))
    rig.answer_all_with(status, body)
    for _ in range(12):
        rig.advance(300)
        for request in (
            lambda: rig.collector.ask(rig.charge("waits")),
            lambda: rig.collector.query(charge, provider_id),
            lambda: rig.collector.close(charge, provider_id),
            lambda: rig.collector.refund(wanted),
            lambda: rig.collector.query_refund(wanted),
        ):
            with pytest.raises(PaymentError):
                request()
    rig.answer_all_with(0)
    assert isinstance(rig.collector.query(charge, provider_id), Captured)
    assert rig.total_collected() == charge.amount
    assert isinstance(refund(rig, wanted), Refunded)

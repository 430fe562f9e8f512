"""Payouts: requested under one id, settled only by what the provider says, announced once and only when paid."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import delete, select

from bot.jobs.handlers import LEASE, HandlerResult
from bot.jobs.runner import JobRunner
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.payment_contracts import (
    NotFound,
    NotPaid,
    Paid,
    Payment,
    PaymentCallback,
    PaymentStatus,
    Pending,
)
from bot.simulator import wallet
from bot.worker import event_consumers, handler_runner
from marketplace_api.accounts import artisans
from marketplace_api.models import PaymentName, Payout
from marketplace_api.payments import audit, balances, cash_codes, holds, payouts
from marketplace_api.payments.provider_names import RequestKind
from marketplace_api.shop import SECRET_LENGTH, Shop
from state.outbox import Job
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, OTIENO, dial, notifications, outgoing_messages, received_order
from tests.bot.messaging.fakes import run_until_killed
from tests.service import Service

NO_ANSWER = PaymentError(Reason.NO_ANSWER)
DUPLICATE = DuplicatePaymentError()
BUSY = PaymentError(Reason.THROTTLED, "busy")
PAID = Paid("SG632NMUAB", 1620_00)
UNREGISTERED = NotPaid("2040 not registered", "recipient")
NO_FLOAT = NotPaid("1 no float", "us")


@dataclass
class ScriptedPayer:
    """Gives the `answers` in turn; then it pays everything at once, and answers each query with `Pending`."""

    answers: list[PaymentStatus | Pending | PaymentError] = field(default_factory=list)
    query_answers: list[PaymentStatus | Pending | PaymentError] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    queried: list[str] = field(default_factory=list)
    name: str = "bank"

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        self.payments.append(payment)
        return self._next(self.answers, Paid(f"REF{len(self.payments)}", payment.amount))

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        self.queried.append(payment.id)
        return self._next(self.query_answers, Pending(("query",)))

    def _next(
        self, script: list[PaymentStatus | Pending | PaymentError], otherwise: PaymentStatus | Pending
    ) -> PaymentStatus | Pending:
        answer = script.pop(0) if script else otherwise
        if isinstance(answer, PaymentError):
            raise answer
        return answer

    @property
    def ids(self) -> list[str]:
        return [payment.id for payment in self.payments]


@contextmanager
def job_runner(service: Service, payer: ScriptedPayer) -> Iterator[JobRunner[Job, HandlerResult]]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield handler_runner(service.app, service.services, pool, payer)


def consume_events(service: Service) -> int:
    return sum(consumer.consume() for consumer in event_consumers(service.services))


def work(service: Service, payer: ScriptedPayer, *, after: float = 0) -> None:
    """Consumes the shop's events and does what is due, after so many seconds."""
    service.clock.advance(after)
    with job_runner(service, payer) as runner:
        while consume_events(service) + runner.step():
            pass


def payout(service: Service) -> Any:
    (only,) = service.api("GET", "/payouts")["data"]
    return only


def token(service: Service, kind: RequestKind = "payment") -> str:
    """The token in the address that the newest request of this kind named."""
    stored = select(PaymentName.name).where(PaymentName.meaning == f"{kind}_token").order_by(PaymentName.sends.desc())
    with service.services.database.reading() as session:
        return session.scalars(stored).first() or "none"


def post_callback(
    service: Service, if_payment: PaymentStatus | None, *names: str, if_query: PaymentStatus | None = None
) -> None:
    """The answer to the newest request to pay, or to a query if there is an `if_query`.

    It names the only payout, or has these names.
    """
    callback = PaymentCallback(names or (payout(service)["id"],), if_payment, if_query)
    address = token(service, "question" if if_query else "payment")
    service.services.payout_callbacks.on_result("bank", address, callback)


def topics(service: Service) -> list[str | None]:
    """The topics of the messages to Akinyi about payouts."""
    return [
        text.topic for text in notifications(service) if text.msisdn == AKINYI and str(text.topic).startswith("payout.")
    ]


@contextmanager
def shop(service: Service) -> Iterator[Shop]:
    with service.services.database.writing.begin() as session:
        yield service.services.shop(session, TESTER)


@pytest.fixture(autouse=True)
def _the_ledger_balances(request: pytest.FixtureRequest) -> Iterator[None]:
    name = "service" if "service" in request.fixturenames else "embedded"
    service: Service = request.getfixturevalue(name)
    yield
    with shop(service) as opened:
        assert list(audit.inconsistencies(opened)) == []


def test_a_payout_is_requested_once_and_announced_when_it_is_paid(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer()
    for _ in range(3):
        work(service, payer)
    assert payer.ids == [payout(service)["id"]]
    assert (payout(service)["status"], payout(service)["provider_reference"]) == ("paid", "REF1")
    assert topics(service) == ["payout.paid"]


def test_an_accepted_request_is_not_a_payment(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([Pending(("AG_1",))])
    work(service, payer)
    assert (payout(service)["status"], topics(service)) == ("sending", [])
    post_callback(service, PAID, "AG_1")
    work(service, payer)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])


def test_a_callback_may_come_twice_or_late_or_name_no_payment_of_ours(service: Service) -> None:
    received_order(service)
    work(service, ScriptedPayer([Pending()]))
    service.services.payout_callbacks.on_hint("bank", ["pay_of_somebody_else"])
    assert payout(service)["status"] == "sending"
    for _ in range(3):
        post_callback(service, PAID)
        post_callback(service, UNREGISTERED)
    work(service, ScriptedPayer())
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])


def test_a_callback_may_come_before_the_answer_to_the_request(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer()

    def early(payment: Payment) -> Pending:
        payer.payments.append(payment)
        assert payment.token == token(embedded)
        post_callback(embedded, PAID, payment.id)
        return Pending(("AG_1",))

    payer.pay = early  # type: ignore[method-assign]
    work(embedded, payer)
    assert (payout(embedded)["status"], payer.ids) == ("paid", [payout(embedded)["id"]])


@pytest.mark.parametrize("lost", [NO_ANSWER, DUPLICATE], ids=["no answer", "duplicate"])
def test_a_payout_that_may_have_been_paid_is_queried_and_not_requested_again(
    service: Service, lost: PaymentError
) -> None:
    received_order(service)
    payer = ScriptedPayer([lost])
    for _ in range(30):
        work(service, payer, after=3600)
    assert (len(payer.payments), payout(service)["status"]) == (1, "unknown")
    assert 20 < len(payer.queried) < 40
    payer.query_answers = [PAID]
    work(service, payer, after=3600)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])
    assert len(payer.payments) == 1


def test_a_query_that_fails_in_any_way_is_repeated_after_a_gap(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([NO_ANSWER], [DUPLICATE, NO_ANSWER, BUSY] * 2)
    work(embedded, payer)
    for asked in range(1, 7):
        work(embedded, payer, after=29)
        assert len(payer.queried) == asked - 1
        work(embedded, payer, after=4000)
        assert len(payer.queried) == asked


def test_queries_are_sent_at_growing_intervals(embedded: Service) -> None:
    received_order(embedded)
    payer, queried_at = ScriptedPayer([Pending()]), []
    work(embedded, payer)
    for second in range(0, 3600, 30):
        before = len(payer.queried)
        work(embedded, payer, after=30)
        if len(payer.queried) > before:
            queried_at.append(second + 30)
    assert queried_at == [30, 90, 210, 450, 930, 1890]


def test_a_payment_that_is_not_found_is_requested_again_under_the_same_id(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([NO_ANSWER], [NotFound()])
    work(service, payer)
    work(service, payer, after=30)
    work(service, payer, after=60)
    assert payer.ids == [payout(service)["id"]] * 2
    assert payout(service)["status"] == "paid"


def test_the_callback_of_a_query_finds_its_payout_by_the_querys_name(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([NO_ANSWER])
    work(embedded, payer)
    work(embedded, payer, after=30)
    post_callback(embedded, None, "query", if_query=NotFound())
    assert payout(embedded)["status"] == "pending"


def test_a_request_that_certainly_did_not_arrive_is_repeated_soon(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([BUSY, BUSY])
    work(embedded, payer)
    assert payout(embedded)["status"] == "pending"
    work(embedded, payer, after=30)
    work(embedded, payer, after=60)
    assert payer.ids == [payout(embedded)["id"]] * 3
    assert payout(embedded)["status"] == "paid"


def test_after_a_worker_was_killed_in_a_request_the_payout_is_queried_first(service: Service) -> None:
    received_order(service)
    consume_events(service)

    def die(payment: Payment) -> PaymentStatus:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    deadly = ScriptedPayer()
    deadly.pay = die  # type: ignore[method-assign]
    service.services.close()  # no connection may be shared with the child process
    run_until_killed(lambda: work(service, deadly))
    service.services.ids.secret()  # the one that the child has drawn from its copy of the random source
    assert payout(service)["status"] == "sending"

    payer = ScriptedPayer(query_answers=[PAID])
    work(service, payer, after=LEASE.total_seconds())
    assert (payer.ids, payer.queried) == ([], [payout(service)["id"]])
    assert payout(service)["status"] == "paid"
    assert service.events().count("payout.paid") == 1


def test_a_reference_of_another_payout_settles_nothing(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()])
    work(embedded, payer)
    with shop(embedded) as opened:
        due = opened.session.scalars(select(Payout)).one()
        stored: dict[str, Any] = {"provider": due.provider, "provider_reference": PAID.reference, "status": "paid"}
        other = payouts.add(opened, due.artisan, 50_00, "KES", piece=0, method="mobile_money", **stored)
    post_callback(embedded, PAID, due.id)
    with shop(embedded) as opened:
        disputed = payouts.by_id(opened, due.id)
        assert (disputed.status, disputed.provider_reference) == ("unknown", None)
        assert "like another payout" in str(disputed.failure)
        assert payouts.by_id(opened, other.id).provider_reference == PAID.reference


@pytest.mark.parametrize("amount", [1619_00, 1621_00, 0, None])
def test_a_callback_with_another_amount_settles_nothing(embedded: Service, amount: int | None) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()])
    work(embedded, payer)
    post_callback(embedded, Paid("FORGED", amount))
    assert (payout(embedded)["status"], payout(embedded)["provider_reference"]) == ("unknown", None)
    assert "said to be paid with" in payout(embedded)["failure"]
    payer.query_answers = [PAID]
    work(embedded, payer, after=30)
    assert (payout(embedded)["status"], payout(embedded)["failure"]) == ("paid", None)


def test_a_failed_payout_that_is_reported_paid_is_queried_first(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()], [PAID])
    work(embedded, payer)
    post_callback(embedded, UNREGISTERED)
    assert payout(embedded)["status"] == "failed"
    post_callback(embedded, PAID)
    assert payout(embedded)["status"] == "unknown"
    work(embedded, payer)
    assert (payout(embedded)["status"], len(payer.payments)) == ("paid", 1)


# -- who is believed


def hint(service: Service, *names: str) -> None:
    """Somebody posts to an address that others may know, about the only payout or with these names."""
    service.services.payout_callbacks.on_hint("bank", names or [payout(service)["id"]])


def test_what_is_posted_to_an_address_that_others_may_know_settles_nothing_and_is_a_reason_to_query(
    service: Service,
) -> None:
    received_order(service)
    payer = ScriptedPayer([Pending(("AG_1",))])
    work(service, payer)
    for name in ("AG_1", payout(service)["id"]):
        hint(service, name)
    assert (payout(service)["status"], payer.queried) == ("sending", [])
    payer.query_answers = [Pending()]
    work(service, payer)
    assert (payout(service)["status"], payer.queried) == ("unknown", [payout(service)["id"]])
    post_callback(service, None, if_query=PAID)
    assert payout(service)["status"] == "paid"


def test_hints_lead_to_one_more_query_in_each_gap(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()])
    work(embedded, payer)
    for asked in (1, 1, 1):
        hint(embedded)
        work(embedded, payer)
        assert len(payer.queried) == asked
    work(embedded, payer, after=31)
    hint(embedded)
    work(embedded, payer)
    assert len(payer.queried) == 2


@pytest.mark.parametrize("status", ["paid", "failed", "awaiting_collection"])
def test_a_hint_about_a_payout_that_is_not_under_way_does_nothing(embedded: Service, status: str) -> None:
    if status == "awaiting_collection":
        cash_code_after_failure(embedded)
    else:
        received_order(embedded)
        work(embedded, ScriptedPayer([PAID if status == "paid" else UNREGISTERED]))
    before, payer = payout(embedded), ScriptedPayer()
    hint(embedded)
    work(embedded, payer, after=3600)
    assert (payout(embedded), payer.queried, before["status"]) == (before, [], status)


def test_a_guessed_token_settles_nothing_and_is_a_reason_to_query(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending(("AG_1",))])
    work(embedded, payer)
    for guess in ("guess", "AG_1", payout(embedded)["id"], "\x00"):
        callback = PaymentCallback((payout(embedded)["id"],), PAID, PAID)
        embedded.services.payout_callbacks.on_result("bank", guess, callback)
    assert payout(embedded)["status"] == "sending"
    work(embedded, payer)
    assert len(payer.queried) == 1


def test_each_request_has_a_token_of_its_own(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()])
    for _ in range(3):
        work(embedded, payer, after=3600)
    with embedded.services.database.reading() as session:
        stored = select(PaymentName).where(PaymentName.meaning.in_(("payment_token", "question_token")))
        tokens = [row.name for row in session.scalars(stored)]
    assert len(set(tokens)) == len(payer.payments) + len(payer.queried) >= 3
    assert all(len(each) == SECRET_LENGTH for each in tokens)


def test_the_answer_to_a_request_counts_for_its_own_payout_alone(embedded: Service) -> None:
    received_order(embedded)
    received_order(embedded)
    payer = ScriptedPayer([Pending(), Pending()])
    work(embedded, payer)
    first, second = payer.payments
    for address, name in ((first.token, second.id), (second.token, first.id)):
        callback = PaymentCallback((name,), Paid("SG1", first.amount), None)
        embedded.services.payout_callbacks.on_result("bank", address, callback)
    assert [each["status"] for each in embedded.api("GET", "/payouts")["data"]] == ["sending", "sending"]


def test_a_payment_to_another_phone_settles_nothing(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending()])
    work(embedded, payer)
    post_callback(embedded, Paid("SG1", 1620_00, "+254711000999"))
    assert (payout(embedded)["status"], payout(embedded)["failure"]) == ("unknown", "said to be paid to another phone")
    payer.query_answers = [Paid("SG1", 1620_00, AKINYI)]
    work(embedded, payer, after=30)
    assert (payout(embedded)["status"], payout(embedded)["failure"]) == ("paid", None)


def test_the_answer_to_a_request_from_before_the_payout_was_sent_again_is_queried_first(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([NO_ANSWER, Pending()], [NotFound()])
    work(embedded, payer)
    work(embedded, payer, after=30)
    work(embedded, payer, after=60)
    early, late = (payment.token for payment in payer.payments)
    callbacks = embedded.services.payout_callbacks
    callbacks.on_result("bank", early, PaymentCallback((payout(embedded)["id"],), UNREGISTERED, None))
    assert payout(embedded)["status"] == "sending"
    callbacks.on_result("bank", early, PaymentCallback((payout(embedded)["id"],), PAID, None))
    assert payout(embedded)["status"] == "sending"
    work(embedded, payer)
    assert len(payer.queried) == 2
    callbacks.on_result("bank", late, PaymentCallback((payout(embedded)["id"],), PAID, None))
    assert payout(embedded)["status"] == "paid"


def test_a_payout_under_way_that_was_requested_with_the_old_address_is_settled_by_the_next_query(
    embedded: Service,
) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending(("AG_1",))])
    work(embedded, payer)
    with shop(embedded) as opened:  # before the upgrade, a request had no token
        opened.session.execute(delete(PaymentName).where(PaymentName.meaning == "payment_token"))
    hint(embedded, "AG_1")
    assert payout(embedded)["status"] == "sending"
    work(embedded, payer)
    assert payout(embedded)["status"] == "unknown"
    post_callback(embedded, None, if_query=PAID)
    assert (payout(embedded)["status"], len(payer.payments)) == ("paid", 1)


# -- failures


def test_a_failure_by_our_fault_pauses_all_payouts_until_an_operator_retries(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([NO_FLOAT])
    work(service, payer)
    first = payout(service)
    assert (first["status"], first["blame"], topics(service)) == ("failed", "us", ["payout.failed"])
    received_order(service)
    work(service, payer)
    work(service, payer, after=600)
    assert len(payer.payments) == 1
    assert "payouts.paused" in service.events()
    (text,) = [message.text for message in notifications(service) if message.topic == "payout.failed"]
    assert "could not be sent to you yet. It stays owed to you." in text

    service.api("POST", f"/payouts/{first['id']}/retry")
    work(service, payer, after=60)
    assert [each["status"] for each in service.api("GET", "/payouts")["data"]] == ["paid", "paid"]
    assert "payouts.resumed" in service.events()


def test_an_artisan_whose_number_cannot_receive_is_told_and_paid_on_another(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([UNREGISTERED])
    work(service, payer)
    assert (payout(service)["status"], topics(service)) == ("failed", ["payout.failed"])
    (text,) = [message.text for message in notifications(service) if message.topic == "payout.failed"]
    assert "0711000103" in text.replace(" ", "")
    with shop(service) as opened:
        akinyi = artisans.by_msisdn(opened, AKINYI)
        assert akinyi is not None
        artisans.set_payout_method(opened, akinyi, "mobile_money", "+254711000555")
    work(service, payer)
    assert payout(service)["status"] == "held", "a new phone waits for three days"
    service.clock.advance(holds.COOLING_OFF.total_seconds())
    with shop(service) as opened:
        assert holds.release_due(opened) == 1
    work(service, payer)
    assert [payment.msisdn for payment in payer.payments] == [AKINYI, "+254711000555"]
    assert payout(service)["status"] == "paid"


def test_a_retry_keeps_the_id_and_takes_another_only_if_that_one_is_spent(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([NotPaid("4 daily limit"), DUPLICATE], [NotPaid("it is Failed")])
    work(service, payer)
    due = payout(service)
    service.api("POST", f"/payouts/{due['id']}/retry")
    work(service, payer)
    work(service, payer, after=30)
    work(service, payer, after=60)
    assert payer.ids == [due["id"], due["id"], f"{due['id']}-2"]
    assert payout(service)["status"] == "paid"


DAILY_LIMIT = NotPaid("4 daily limit", try_tomorrow=True)


def test_a_payout_above_the_daily_limit_is_sent_again_the_next_day(service: Service) -> None:
    received_order(service)
    payer = ScriptedPayer([DAILY_LIMIT])
    work(service, payer)
    assert (payout(service)["status"], topics(service)) == ("failed", ["payout.failed"])
    work(service, payer, after=23 * 3600)
    assert len(payer.payments) == 1
    work(service, payer, after=3600)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.failed", "payout.paid"])


def test_a_payout_that_was_retried_meanwhile_is_not_sent_again_the_next_day(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([DAILY_LIMIT, NotPaid("2 too little")])
    work(embedded, payer)
    embedded.api("POST", f"/payouts/{payout(embedded)['id']}/retry")
    work(embedded, payer)
    work(embedded, payer, after=25 * 3600)
    assert (payout(embedded)["status"], len(payer.payments)) == ("failed", 2)


def test_only_the_provider_that_was_asked_to_pay_is_queried(embedded: Service) -> None:
    received_order(embedded)
    work(embedded, ScriptedPayer([Pending()]))
    other = ScriptedPayer(name="other bank")
    work(embedded, other, after=24 * 3600)
    assert (other.queried, other.payments, payout(embedded)["status"]) == ([], [], "sending")
    work(embedded, ScriptedPayer(query_answers=[PAID]), after=3600)
    assert payout(embedded)["status"] == "paid"


def test_a_payment_reported_under_a_spent_id_pauses_all_payouts(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([NotPaid("4 daily limit"), DUPLICATE, Pending()], [NotPaid("it is Failed")])
    work(embedded, payer)
    due = payout(embedded)
    embedded.api("POST", f"/payouts/{due['id']}/retry")
    work(embedded, payer)
    work(embedded, payer, after=30)
    work(embedded, payer, after=60)
    post_callback(embedded, PAID, due["id"])
    assert payout(embedded)["status"] == "sending"
    assert "payouts.paused" in embedded.events()


def test_a_retry_of_a_payout_that_was_paid_after_all_pays_nothing(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([Pending(), DUPLICATE], [PAID])
    work(embedded, payer)
    post_callback(embedded, NotPaid("4 forged"))
    embedded.api("POST", f"/payouts/{payout(embedded)['id']}/retry")
    work(embedded, payer)
    work(embedded, payer, after=30)
    assert len(set(payer.ids)) == 1
    assert (payout(embedded)["status"], topics(embedded)) == ("paid", ["payout.failed", "payout.paid"])


# -- sent or collected, never both


def choose_cash(service: Service) -> None:
    with shop(service) as opened:
        akinyi = artisans.by_msisdn(opened, AKINYI)
        assert akinyi is not None
        artisans.set_payout_method(opened, akinyi, "kiosk_cash")


def test_before_a_failed_payout_is_offered_in_cash_its_provider_is_queried(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([UNREGISTERED], [NotPaid("it is Failed")])
    work(embedded, payer)
    choose_cash(embedded)
    assert payout(embedded)["status"] == "unknown"
    post_callback(embedded, UNREGISTERED)  # again, without a query
    assert payout(embedded)["status"] == "unknown"
    work(embedded, payer)
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("awaiting_collection", "kiosk_cash")
    assert topics(embedded) == ["payout.failed", "payout.rerouted"]


def cash_code_after_failure(service: Service) -> str:
    """The payment failed, the artisan chose cash, and a query says again that it failed. Returns the cash code."""
    received_order(service)
    payer = ScriptedPayer([UNREGISTERED], [NotPaid("it is Failed")])
    work(service, payer)
    choose_cash(service)
    work(service, payer)
    with shop(service) as opened:
        return str(cash_codes.present(opened, payouts.by_id(opened, payout(service)["id"])))


def test_the_cash_code_is_withdrawn_when_the_provider_paid_after_all(embedded: Service) -> None:
    code = cash_code_after_failure(embedded)
    post_callback(embedded, PAID)
    assert dial(embedded, OTIENO, "2", code).startswith("END No cash waits here")
    work(embedded, ScriptedPayer(query_answers=[PAID]))
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("paid", "mobile_money")


def test_a_payment_reported_after_cash_was_collected_pauses_all_payouts(embedded: Service) -> None:
    dial(embedded, OTIENO, "2", cash_code_after_failure(embedded), "1")
    assert payout(embedded)["status"] == "collected"
    post_callback(embedded, PAID)
    assert payout(embedded)["status"] == "collected"
    assert "payouts.paused" in embedded.events()


def test_a_payout_that_was_paid_after_all_is_not_offered_in_cash(embedded: Service) -> None:
    received_order(embedded)
    payer = ScriptedPayer([UNREGISTERED], [PAID])
    work(embedded, payer)
    choose_cash(embedded)
    work(embedded, payer)
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("paid", "mobile_money")


def test_cash_is_paid_against_the_code_and_artisan_and_agent_get_a_receipt(service: Service) -> None:
    choose_cash(service)
    received_order(service)
    service.work()
    (text,) = [text for text in service.inbox(AKINYI) if "Show your code" in text]
    code = next(word for word in text.split() if word.strip(".").isdecimal() and len(word.strip(".")) == 6).strip(".")
    assert dial(service, OTIENO, "2", code).startswith("CON Pay ")
    service.gateway.answer(OTIENO, "1")
    service.work()
    assert payout(service)["status"] == "collected"
    receipts = {text.msisdn: text.text for text in outgoing_messages(service) if text.topic == "payout.collected"}
    assert set(receipts) == {AKINYI, OTIENO}
    assert all("KSh 1,620" in text for text in receipts.values())


# -- the simulator's provider


def test_the_simulator_pays_what_is_due_and_its_wallet_agrees_with_the_ledger(embedded: Service) -> None:
    received_order(embedded)
    embedded.work()
    artisan_id = payout(embedded)["artisan_id"]
    with shop(embedded) as opened:
        assert balances.balance_of(opened, artisans.by_id(opened, artisan_id)).paid == 1620_00
        assert wallet.total_paid(opened.session.connection()) == 1620_00


# -- without a provider


def work_without_a_payer(service: Service, *, after: float = 0) -> None:
    service.clock.advance(after)
    settings = service.settings.model_copy(update={"payout_provider": "none"})
    with ThreadPoolExecutor(max_workers=2) as pool:
        runner = handler_runner(service.app, replace(service.services, settings=settings), pool)
        while consume_events(service) + runner.step():
            pass


def test_without_a_provider_a_payout_waits_until_it_is_announced(embedded: Service) -> None:
    received_order(embedded)
    for _ in range(30):
        work_without_a_payer(embedded, after=3600)
    waiting = payout(embedded)
    assert (waiting["status"], topics(embedded)) == ("pending", [])

    announced = {key: waiting[key] for key in ("artisan_id", "amount", "order_id")} | {"provider_reference": "BANK-1"}
    embedded.api("POST", "/payouts", announced)
    work_without_a_payer(embedded, after=3600)
    assert (payout(embedded)["status"], topics(embedded)) == ("paid", ["payout.paid"])

    payer = ScriptedPayer()
    work(embedded, payer, after=7200)
    assert payer.payments == []


def test_a_payout_that_waited_is_sent_once_there_is_a_provider(embedded: Service) -> None:
    received_order(embedded)
    work_without_a_payer(embedded, after=3600)
    payer = ScriptedPayer()
    work(embedded, payer, after=3600)

    assert (payout(embedded)["status"], len(payer.payments)) == ("paid", 1)

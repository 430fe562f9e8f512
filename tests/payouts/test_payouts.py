"""Money leaves: asked for under one id, settled by the provider's word alone, announced once and only when paid."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

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
from marketplace_api.payments import audit, balances, payouts
from marketplace_api.shop import Shop
from state.outbox import Job
from tests.bot.fixtures import AKINYI, OTIENO, dial, notifications, outgoing_messages, received_order
from tests.bot.messaging.fakes import run_until_killed
from tests.service import Service

ERROR = PaymentError(Reason.NO_ANSWER)
DUPLICATE = DuplicatePaymentError()
BUSY = PaymentError(Reason.THROTTLED, "busy")
PAID = Paid("SG632NMUAB", 1620_00)
UNREGISTERED = NotPaid("2040 not registered", "recipient")
NO_FLOAT = NotPaid("1 no float", "us")


@dataclass
class Bank:
    """A provider that says what it is told, and then pays everything at once; asked, it waits."""

    says: list[PaymentStatus | Pending | PaymentError] = field(default_factory=list)
    answers: list[PaymentStatus | Pending | PaymentError] = field(default_factory=list)
    asked_to_pay: list[Payment] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    name: str = "bank"

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        self.asked_to_pay.append(payment)
        return self._next(self.says, Paid(f"REF{len(self.asked_to_pay)}", payment.amount))

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        self.asked.append(payment.id)
        return self._next(self.answers, Pending(("question",)))

    def _next(
        self, script: list[PaymentStatus | Pending | PaymentError], otherwise: PaymentStatus | Pending
    ) -> PaymentStatus | Pending:
        said = script.pop(0) if script else otherwise
        if isinstance(said, PaymentError):
            raise said
        return said

    @property
    def ids(self) -> list[str]:
        return [payment.id for payment in self.asked_to_pay]


@contextmanager
def job_runner(service: Service, bank: Bank) -> Iterator[JobRunner[Job, HandlerResult]]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield handler_runner(service.app, service.services, pool, bank)


def follow_events(service: Service) -> int:
    return sum(consumer.consume() for consumer in event_consumers(service.services))


def work(service: Service, bank: Bank, *, after: float = 0) -> None:
    """Follows the shop's events and does what is due, after so many seconds."""
    service.clock.advance(after)
    with job_runner(service, bank) as runner:
        while follow_events(service) + runner.step():
            pass


def payout(service: Service) -> Any:
    (only,) = service.api("GET", "/payouts")["data"]
    return only


def says(service: Service, word: PaymentStatus | None, *names: str, answer: PaymentStatus | None = None) -> None:
    """A callback about the one payout, or about what it is called."""
    service.services.payout_callbacks.on_result(
        "bank", PaymentCallback(names or (payout(service)["id"],), word, answer)
    )


def topics(service: Service) -> list[str | None]:
    """What Akinyi was told about money."""
    return [
        text.topic for text in notifications(service) if text.msisdn == AKINYI and str(text.topic).startswith("payout.")
    ]


@contextmanager
def shop(service: Service) -> Iterator[Shop]:
    with service.services.database.writing.begin() as session:
        yield service.services.shop(session)


@pytest.fixture(autouse=True)
def _the_books_balance(request: pytest.FixtureRequest) -> Iterator[None]:
    name = "service" if "service" in request.fixturenames else "embedded"
    service: Service = request.getfixturevalue(name)
    yield
    with shop(service) as books:
        assert list(audit.inconsistencies(books)) == []


def test_a_payout_is_asked_for_once_and_announced_when_it_is_paid(service: Service) -> None:
    received_order(service)
    bank = Bank()
    for _ in range(3):
        work(service, bank)
    assert bank.ids == [payout(service)["id"]]
    assert (payout(service)["status"], payout(service)["provider_reference"]) == ("paid", "REF1")
    assert topics(service) == ["payout.paid"]


def test_that_it_was_accepted_is_no_payment(service: Service) -> None:
    received_order(service)
    bank = Bank([Pending(("AG_1",))])
    work(service, bank)
    assert (payout(service)["status"], topics(service)) == ("sending", [])
    says(service, PAID, "AG_1")
    work(service, bank)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])


def test_the_word_may_come_twice_late_and_about_nothing(service: Service) -> None:
    received_order(service)
    work(service, Bank([Pending()]))
    says(service, PAID, "pay_of_somebody_else")
    assert payout(service)["status"] == "sending"
    for _ in range(3):
        says(service, PAID)
        says(service, UNREGISTERED)
    work(service, Bank())
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])


def test_the_word_may_come_before_the_answer(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank()

    def early(payment: Payment) -> Pending:
        bank.asked_to_pay.append(payment)
        says(embedded, PAID, payment.id)
        return Pending(("AG_1",))

    bank.pay = early  # type: ignore[method-assign]
    work(embedded, bank)
    assert (payout(embedded)["status"], bank.ids) == ("paid", [payout(embedded)["id"]])


@pytest.mark.parametrize("lost", [ERROR, DUPLICATE], ids=["no answer", "duplicate"])
def test_what_may_have_been_paid_is_not_asked_for_again_but_asked_about(service: Service, lost: PaymentError) -> None:
    received_order(service)
    bank = Bank([lost])
    for _ in range(30):
        work(service, bank, after=3600)
    assert (len(bank.asked_to_pay), payout(service)["status"]) == (1, "unknown")
    assert 20 < len(bank.asked) < 40
    bank.answers = [PAID]
    work(service, bank, after=3600)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])
    assert len(bank.asked_to_pay) == 1


def test_it_is_asked_about_later_and_later(embedded: Service) -> None:
    received_order(embedded)
    bank, gaps = Bank([Pending()]), []
    work(embedded, bank)
    for second in range(0, 3600, 30):
        before = len(bank.asked)
        work(embedded, bank, after=30)
        if len(bank.asked) > before:
            gaps.append(second + 30)
    assert gaps == [30, 60, 120, 240, 480, 960, 1920]


def test_what_the_provider_never_heard_of_is_sent_again_under_the_same_id(service: Service) -> None:
    received_order(service)
    bank = Bank([ERROR], [NotFound()])
    work(service, bank)
    work(service, bank, after=30)
    work(service, bank, after=60)
    assert bank.ids == [payout(service)["id"]] * 2
    assert payout(service)["status"] == "paid"


def test_an_answer_that_comes_as_a_callback_finds_its_payout_by_the_name_of_the_question(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([ERROR])
    work(embedded, bank)
    work(embedded, bank, after=30)
    says(embedded, None, "question", answer=NotFound())
    assert payout(embedded)["status"] == "pending"


def test_who_certainly_did_not_hear_us_is_asked_again_soon(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([BUSY, BUSY])
    work(embedded, bank)
    assert payout(embedded)["status"] == "pending"
    work(embedded, bank, after=30)
    work(embedded, bank, after=30)
    assert bank.ids == [payout(embedded)["id"]] * 3
    assert payout(embedded)["status"] == "paid"


def test_a_worker_killed_while_it_asks_leaves_a_payout_that_is_asked_about_first(service: Service) -> None:
    received_order(service)
    follow_events(service)

    def die(payment: Payment) -> PaymentStatus:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    deadly = Bank()
    deadly.pay = die  # type: ignore[method-assign]
    service.services.close()  # no connection crosses into the child
    run_until_killed(lambda: work(service, deadly))
    assert payout(service)["status"] == "sending"

    bank = Bank(answers=[PAID])
    work(service, bank, after=LEASE.total_seconds())
    assert (bank.ids, bank.asked) == ([], [payout(service)["id"]])
    assert payout(service)["status"] == "paid"
    assert service.events().count("payout.paid") == 1


@pytest.mark.parametrize("amount", [1619_00, 1621_00, 0, None])
def test_another_amount_is_not_believed(embedded: Service, amount: int | None) -> None:
    received_order(embedded)
    bank = Bank([Pending()])
    work(embedded, bank)
    says(embedded, Paid("FORGED", amount))
    assert (payout(embedded)["status"], payout(embedded)["provider_reference"]) == ("unknown", None)
    assert "said to be paid with" in payout(embedded)["failure"]
    bank.answers = [PAID]
    work(embedded, bank, after=30)
    assert (payout(embedded)["status"], payout(embedded)["failure"]) == ("paid", None)


def test_one_said_to_be_paid_after_it_had_failed_is_asked_about_before_anything_else(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([Pending()], [PAID])
    work(embedded, bank)
    says(embedded, UNREGISTERED)
    assert payout(embedded)["status"] == "failed"
    says(embedded, PAID)
    assert payout(embedded)["status"] == "unknown"
    work(embedded, bank)
    assert (payout(embedded)["status"], len(bank.asked_to_pay)) == ("paid", 1)


# -- failures


def test_a_failure_that_is_ours_stops_all_payouts_until_an_operator_tries_again(service: Service) -> None:
    received_order(service)
    bank = Bank([NO_FLOAT])
    work(service, bank)
    first = payout(service)
    assert (first["status"], first["blame"], topics(service)) == ("failed", "us", [])
    received_order(service)
    work(service, bank)
    work(service, bank, after=600)
    assert len(bank.asked_to_pay) == 1
    assert "payouts.paused" in service.events()

    service.api("POST", f"/payouts/{first['id']}/retry")
    work(service, bank, after=60)
    assert [each["status"] for each in service.api("GET", "/payouts")["data"]] == ["paid", "paid"]
    assert "payouts.resumed" in service.events()


def test_a_number_that_cannot_receive_is_told_to_her_and_another_one_is_paid(service: Service) -> None:
    received_order(service)
    bank = Bank([UNREGISTERED])
    work(service, bank)
    assert (payout(service)["status"], topics(service)) == ("failed", ["payout.failed"])
    (told,) = [text.text for text in notifications(service) if text.topic == "payout.failed"]
    assert AKINYI in told.replace(" ", "")
    with shop(service) as open:
        akinyi = artisans.by_msisdn(open, AKINYI)
        assert akinyi is not None
        artisans.set_payout_method(open, akinyi, "mobile_money", "+254711000555")
    work(service, bank)
    assert [payment.msisdn for payment in bank.asked_to_pay] == [AKINYI, "+254711000555"]
    assert payout(service)["status"] == "paid"


def test_one_that_failed_is_sent_again_under_its_id_and_only_if_that_is_spent_under_another(service: Service) -> None:
    received_order(service)
    bank = Bank([NotPaid("4 daily limit"), DUPLICATE], [NotPaid("it is Failed")])
    work(service, bank)
    due = payout(service)
    service.api("POST", f"/payouts/{due['id']}/retry")
    work(service, bank)
    work(service, bank, after=60)
    assert bank.ids == [due["id"], due["id"], f"{due['id']}-2"]
    assert payout(service)["status"] == "paid"


DAY_IS_FULL = NotPaid("4 daily limit", try_tomorrow=True)


def test_what_was_too_much_for_one_day_is_sent_again_the_next(service: Service) -> None:
    received_order(service)
    bank = Bank([DAY_IS_FULL])
    work(service, bank)
    assert (payout(service)["status"], topics(service)) == ("failed", [])
    work(service, bank, after=23 * 3600)
    assert len(bank.asked_to_pay) == 1
    work(service, bank, after=3600)
    assert (payout(service)["status"], topics(service)) == ("paid", ["payout.paid"])


def test_what_somebody_sent_again_before_the_next_day_is_not_sent_a_third_time_then(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([DAY_IS_FULL, NotPaid("2 too little")])
    work(embedded, bank)
    embedded.api("POST", f"/payouts/{payout(embedded)['id']}/retry")
    work(embedded, bank)
    work(embedded, bank, after=25 * 3600)
    assert (payout(embedded)["status"], len(bank.asked_to_pay)) == ("failed", 2)


def test_of_what_one_provider_was_asked_to_pay_another_is_not_asked(embedded: Service) -> None:
    received_order(embedded)
    work(embedded, Bank([Pending()]))
    other = Bank(name="other bank")
    work(embedded, other, after=24 * 3600)
    assert (other.asked, other.asked_to_pay, payout(embedded)["status"]) == ([], [], "sending")
    work(embedded, Bank(answers=[PAID]), after=3600)
    assert payout(embedded)["status"] == "paid"


def test_what_is_said_to_be_paid_under_an_id_that_had_failed_for_good_stops_all_payouts(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([NotPaid("4 daily limit"), DUPLICATE, Pending()], [NotPaid("it is Failed")])
    work(embedded, bank)
    due = payout(embedded)
    embedded.api("POST", f"/payouts/{due['id']}/retry")
    work(embedded, bank)
    work(embedded, bank, after=60)
    says(embedded, PAID, due["id"])
    assert payout(embedded)["status"] == "sending"
    assert "payouts.paused" in embedded.events()


def test_one_that_is_said_to_have_failed_but_was_paid_is_not_paid_again_when_it_is_retried(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([Pending(), DUPLICATE], [PAID])
    work(embedded, bank)
    says(embedded, NotPaid("4 forged"))
    embedded.api("POST", f"/payouts/{payout(embedded)['id']}/retry")
    work(embedded, bank)
    assert len(set(bank.ids)) == 1
    assert (payout(embedded)["status"], topics(embedded)) == ("paid", ["payout.paid"])


# -- sent or collected, never both


def wants_cash(service: Service) -> None:
    with shop(service) as open:
        akinyi = artisans.by_msisdn(open, AKINYI)
        assert akinyi is not None
        artisans.set_payout_method(open, akinyi, "kiosk_cash")


def test_before_cash_is_handed_out_for_a_payment_that_failed_its_provider_is_asked(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([UNREGISTERED], [NotPaid("it is Failed")])
    work(embedded, bank)
    wants_cash(embedded)
    assert payout(embedded)["status"] == "unknown"
    says(embedded, UNREGISTERED)  # once more, unasked
    assert payout(embedded)["status"] == "unknown"
    work(embedded, bank)
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("awaiting_collection", "kiosk_cash")
    assert topics(embedded) == ["payout.failed", "payout.rerouted"]


def offered_cash(service: Service) -> str:
    """Her payment failed, she wants cash, and the provider says once more that it failed; her code."""
    received_order(service)
    bank = Bank([UNREGISTERED], [NotPaid("it is Failed")])
    work(service, bank)
    wants_cash(service)
    work(service, bank)
    with shop(service) as open:
        return str(payouts.by_id(open, payout(service)["id"]).cash_code)


def test_her_code_is_withdrawn_when_the_provider_says_that_it_paid_after_all(embedded: Service) -> None:
    code = offered_cash(embedded)
    says(embedded, PAID)
    assert dial(embedded, OTIENO, "2", code).startswith("END No cash waits here")
    work(embedded, Bank(answers=[PAID]))
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("paid", "mobile_money")


def test_what_is_said_to_be_paid_after_it_was_collected_stops_all_payouts(embedded: Service) -> None:
    dial(embedded, OTIENO, "2", offered_cash(embedded), "1")
    assert payout(embedded)["status"] == "collected"
    says(embedded, PAID)
    assert payout(embedded)["status"] == "collected"
    assert "payouts.paused" in embedded.events()


def test_if_it_was_paid_after_all_there_is_no_cash_for_it(embedded: Service) -> None:
    received_order(embedded)
    bank = Bank([UNREGISTERED], [PAID])
    work(embedded, bank)
    wants_cash(embedded)
    work(embedded, bank)
    assert (payout(embedded)["status"], payout(embedded)["method"]) == ("paid", "mobile_money")


def test_cash_is_handed_out_against_her_code_and_both_get_a_receipt(service: Service) -> None:
    wants_cash(service)
    received_order(service)
    service.work()
    (told,) = [text.text for text in notifications(service) if text.topic == "payout.created"]
    code = next(word for word in told.split() if word.strip(".").isdecimal() and len(word.strip(".")) == 6).strip(".")
    assert dial(service, OTIENO, "2", code).startswith("CON Pay ")
    service.gateway.answer(OTIENO, "1")
    service.work()
    assert payout(service)["status"] == "collected"
    receipts = {text.msisdn: text.text for text in outgoing_messages(service) if text.topic == "payout.collected"}
    assert set(receipts) == {AKINYI, OTIENO}
    assert all("KSh 1,620" in text for text in receipts.values())


# -- the providers that are built in


def test_the_built_in_provider_pays_what_is_due_and_the_books_say_the_same(embedded: Service) -> None:
    received_order(embedded)
    embedded.work()
    artisan_id = payout(embedded)["artisan_id"]
    with shop(embedded) as open:
        assert balances.balance_of(open, artisans.by_id(open, artisan_id)).paid == 1620_00
        assert wallet.total_paid(open.session.connection()) == 1620_00

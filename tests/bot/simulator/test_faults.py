"""The faults of simulated networks and providers: how rules are set, when they strike, and what then happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import OutgoingMessage
from bot.providers.errors import PaymentError, Reason, SendError
from bot.providers.payment_contracts import Paid, Payment
from bot.providers.twilio import Twilio
from bot.simulator import providers
from bot.simulator.faults import FaultRequest
from bot.simulator.gateway import ACCOUNT_SID, ORIGIN, TWILIO_NUMBER, CallDroppedError
from bot.simulator.provider_faults import contradicted
from bot.simulator.wsgi_adapter import WsgiAdapter
from state import people
from tests.service import Service, serving

AMINA, JOY = "+254711000111", "+254733000333"
DROP = {"target": "phone", "name": AMINA, "fault": "drop"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as service:
        with service.services.database.writing.begin() as session:
            people.set_language(session.connection(), AMINA, "en", service.clock())
        service.kiosk()
        yield service


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in which no rule is ever set, for all tests of this file."""
    with serving(tmp_path_factory.mktemp("untouched")) as service:
        yield service


def set_fault(service: Service, name: str, fault: str, **more: Any) -> dict[str, Any]:
    """The new rule, for a phone or a provider."""
    target = "phone" if name.startswith("+") else "provider"
    answer = service.http.post("/simulator/faults", json={"target": target, "name": name, "fault": fault, **more})
    assert answer.status_code == 201, answer.text
    rule: dict[str, Any] = answer.get_json()
    return rule


def rules(service: Service) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = service.http.get("/simulator/faults").get_json()["data"]
    return listed


def summaries(service: Service, kind: str) -> list[str]:
    return [exchange["summary"] for exchange in service.network_log(kind=kind)]


# Rules


def test_a_rule_is_listed_until_it_is_ended(service: Service) -> None:
    rule = set_fault(service, AMINA, "drop", probability=0.5, seed=7)
    assert rules(service) == [rule]
    assert (rule["probability"], rule["seed"], rule["struck"]) == (0.5, 7, 0)
    assert service.http.delete(f"/simulator/faults/{rule['id']}").status_code == 204
    assert rules(service) == []
    assert service.http.delete(f"/simulator/faults/{rule['id']}").status_code == 404


def test_a_rule_without_a_seed_gets_one_that_repeats_it(service: Service) -> None:
    first, second = (set_fault(service, AMINA, "drop", probability=0.5)["seed"] for _ in range(2))
    assert first != second


def test_all_rules_are_replaced_at_once(service: Service) -> None:
    set_fault(service, AMINA, "drop")
    answer = service.http.put("/simulator/faults", json=[{"target": "provider", "name": "stripe", "fault": "half"}])
    assert [rule["name"] for rule in answer.get_json()["data"]] == ["stripe"]
    assert [rule["name"] for rule in rules(service)] == ["stripe"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "ship"}, "target: "),
        ({"name": "0711"}, "such as +254711000111"),
        ({"target": "provider", "name": "pigeon"}, "one of africastalking, twilio, daraja, stripe"),
        ({"target": "provider", "name": "twilio"}, "twilio carries no calls that could drop"),
        ({"fault": "rain"}, "fault: "),
        ({"probability": 1.5}, "probability: "),
        ({"seconds": 0}, "seconds: "),
        ({"fault": "delay", "hops": 2}, "only drop takes hops"),
        ({"hops": 0}, "hops: "),
        ({"seed": -1}, "seed: "),
        ({"times": 0}, "times: "),
        ({"colour": "red"}, "colour: "),
    ],
)
def test_a_rule_that_is_not_valid_is_refused_in_words(untouched: Service, change: dict[str, Any], words: str) -> None:
    answer = untouched.http.post("/simulator/faults", json=DROP | change)
    assert answer.status_code == 400
    assert words in answer.get_json()["detail"]
    assert rules(untouched) == []


def test_one_wrong_rule_leaves_all_others_as_they_are(service: Service) -> None:
    rule = set_fault(service, AMINA, "drop")
    assert service.http.put("/simulator/faults", json=[DROP, DROP | {"fault": "rain"}]).status_code == 400
    assert rules(service) == [rule]


def test_a_hundred_rules_are_enough(service: Service) -> None:
    assert service.http.put("/simulator/faults", json=[DROP] * 100).status_code == 200
    assert service.http.post("/simulator/faults", json=DROP).status_code == 409
    assert service.http.put("/simulator/faults", json=[DROP] * 101).status_code == 400
    assert len(rules(service)) == 100


def strikes(service: Service, seed: int, *phones: str) -> list[tuple[str, bool]]:
    """Whether a rule with this seed strikes each phone in turn."""
    faults = service.network._instruments.faults
    faults.replace_all(
        [FaultRequest(target="provider", name="africastalking", fault="drop", probability=0.5, seed=seed)]
    )
    return [(phone, faults.strike("hop", "africastalking", phone) is not None) for phone in phones]


def test_the_same_seed_strikes_a_phone_alike_in_whatever_order_phones_take_turns(service: Service) -> None:
    in_turn = strikes(service, 7, *[AMINA, JOY] * 20)
    one_by_one = strikes(service, 7, *[AMINA] * 20, *[JOY] * 20)
    assert sorted(in_turn, key=lambda struck: struck[0]) == one_by_one
    assert {struck for _, struck in one_by_one[:20]} == {True, False}
    assert one_by_one[:20] != one_by_one[20:]
    assert strikes(service, 8, *[AMINA, JOY] * 20) != in_turn


# Calls


def test_a_call_is_dropped_after_some_hops(service: Service) -> None:
    set_fault(service, AMINA, "drop", hops=2)
    service.network.dial(AMINA)
    service.network.answer(AMINA, "1")
    with pytest.raises(CallDroppedError):
        service.network.answer(AMINA, "Amina")
    assert summaries(service, "end") == ["the call ended: Incomplete"]
    assert len(summaries(service, "hop")) == 2
    service.network.dial(JOY)
    service.network.answer(JOY, "1")
    assert service.network.answer(JOY, "1").startswith("CON")


def test_a_call_is_dropped_after_some_seconds(service: Service) -> None:
    set_fault(service, AMINA, "drop", seconds=60)
    service.network.dial(AMINA)
    service.clock.advance(59)
    service.network.answer(AMINA, "1")
    service.clock.advance(1)
    with pytest.raises(CallDroppedError):
        service.network.answer(AMINA, "Amina")


def test_a_hop_whose_answer_is_lost_has_happened(service: Service) -> None:
    service.network.dial(AMINA)
    set_fault(service, AMINA, "drop", times=1)
    with pytest.raises(CallDroppedError):
        service.network.answer(AMINA, "1")
    assert rules(service) == []  # it has struck as often as it may
    assert service.network.dial(AMINA).startswith("CON Go on where you stopped?")


def test_the_page_shows_no_screen_when_a_call_is_dropped(service: Service) -> None:
    set_fault(service, AMINA, "drop")
    call = {"msisdn": AMINA, "session_id": "ATUid_1", "code": "*384*22#"}
    answer = service.http.post("/simulator/dial", json=call).get_json()
    assert answer["reply"] == ""
    assert [exchange["path"].rpartition("/")[2] for exchange in answer["wire"]] == ["ussd", "ussd-events"]


def test_a_repeated_hop_is_answered_alike_and_a_late_copy_of_an_older_one_changes_nothing(service: Service) -> None:
    set_fault(service, AMINA, "repeat", times=2)
    service.network.dial(AMINA)
    service.network.answer(AMINA, "1")
    set_fault(service, AMINA, "reorder")
    service.network.answer(AMINA, "Amina")
    assert "Which kiosk" in service.network.answer(AMINA, "1")
    logged = [hop.partition(" -> ")[0] for hop in summaries(service, "hop")]
    assert logged == ["dials", "dials", "1", "1", "1*Amina", "1", "1*Amina*1", "1*Amina"]


def test_a_late_hop_comes_when_its_time_has_come(service: Service) -> None:
    service.network.dial(AMINA)
    set_fault(service, AMINA, "delay", seconds=20, times=1)
    with pytest.raises(CallDroppedError):
        service.network.answer(AMINA, "1")
    service.later(seconds=19)
    assert len(summaries(service, "hop")) == 1
    service.later(seconds=1)
    assert len(summaries(service, "hop")) == 2


# Texts


def test_texts_from_a_phone_overtake_each_other_and_come_twice(service: Service) -> None:
    set_fault(service, AMINA, "reorder", times=1)
    set_fault(service, JOY, "repeat", times=1)
    service.network.text(AMINA, "HELP")
    service.network.text(AMINA, "STOP")
    service.network.text(JOY, "HELP", provider="twilio")
    service.later(seconds=30)
    assert summaries(service, "text") == ["STOP", "HELP", "HELP", "HELP"]
    assert len(service.inbox(JOY)) == 1


def test_texts_to_a_phone_come_late_or_twice(service: Service) -> None:
    set_fault(service, AMINA, "delay", seconds=40, times=1)
    service.network.text(AMINA, "HELP")
    assert service.inbox(AMINA) == []
    service.later(seconds=40)
    assert len(service.inbox(AMINA)) == 1
    service.network.text(AMINA, "LANG french")
    set_fault(service, AMINA, "repeat", times=1)
    assert len(service.inbox(AMINA)) == 3


def report_of(service: Service) -> tuple[list[str], str]:
    """The reports about one text to Amina, and what became of it by our own record."""
    service.network.text(AMINA, "HELP")
    service.work()
    service.later(seconds=2)
    service.later(minutes=2)
    messages = service.api("GET", "/messages?direction=out&limit=1")["data"]
    return summaries(service, "report"), messages[0]["status"]


def test_a_report_that_is_lost_leaves_a_text_as_sent(service: Service) -> None:
    set_fault(service, AMINA, "lose_report")
    assert report_of(service) == ([], "sent")


def test_a_report_that_is_contradicted_does_not_take_a_delivery_back(service: Service) -> None:
    set_fault(service, "africastalking", "contradict_report")
    assert report_of(service) == (["Success", "Failed DeliveryFailure"], "delivered")


# Requests to providers


def session_of(service: Service) -> requests.Session:
    session = requests.Session()
    session.mount(ORIGIN, WsgiAdapter(service.app))
    return session


def reason_of(sender: Any, id: str = "msg_1") -> tuple[Reason, str]:
    with pytest.raises(SendError) as failed:
        sender.send(OutgoingMessage(id, AMINA, "Karibu"))
    return failed.value.reason, failed.value.detail


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("reject", Reason.REFUSED),
        ("throttle", Reason.THROTTLED),
        ("error", Reason.PROVIDER_DOWN),
        ("hang", Reason.NO_ANSWER),
        ("half", Reason.UNREADABLE),
    ],
)
def test_a_carrier_fails_as_carriers_fail(service: Service, fault: str, reason: Reason) -> None:
    session = session_of(service)
    africastalking = AfricasTalking("soko", "key", base_url=f"{ORIGIN}/simulator/africastalking", session=session)
    twilio = Twilio(ACCOUNT_SID, "token", TWILIO_NUMBER, base_url=f"{ORIGIN}/simulator/twilio", session=session)
    for name, sender in {"africastalking": africastalking, "twilio": twilio}.items():
        set_fault(service, name, fault, times=1)
        assert reason_of(sender)[0] == reason, name
        assert sender.send(OutgoingMessage("msg_2", AMINA, "Karibu")).provider_id


def test_a_fault_of_one_phone_leaves_texts_to_others_alone(service: Service) -> None:
    set_fault(service, AMINA, "error")
    sender = AfricasTalking("soko", "key", base_url=f"{ORIGIN}/simulator/africastalking", session=session_of(service))
    assert sender.send(OutgoingMessage("msg_1", JOY, "Karibu")).provider_id
    assert reason_of(sender) == (Reason.PROVIDER_DOWN, "http_500")


def test_over_a_socket_a_request_that_hangs_is_kept_waiting(service: Service) -> None:
    waited: list[float] = []
    with serving_again(service, waited.append) as client:
        set_fault(service, "stripe", "hang", seconds=3)
        answer = client.post("/simulator/stripe/v1/refunds", headers={"Authorization": "Bearer key"})
    assert (answer.status_code, waited) == (504, [3])


def serving_again(service: Service, sleep: Any) -> Any:
    """A client of the simulator alone, with this `sleep`."""
    from flask import Flask

    app = Flask("simulator", root_path=service.app.root_path)
    providers.install(app, service.services, sleep)
    return app.test_client()


def test_a_payout_whose_answer_is_lost_is_paid_once(service: Service) -> None:
    payer = providers.provider(service.app, service.services).payer
    assert payer is not None
    simulator = payer(service.settings, service.clock)
    payment = Payment("pay_1", AMINA, 270_000, "KES", "K7P4", "t0ken")
    set_fault(service, "daraja", "error", times=1)
    set_fault(service, "daraja", "hang", times=1)
    for reason in (Reason.PROVIDER_DOWN, Reason.NO_ANSWER):
        with pytest.raises(PaymentError) as failed:
            simulator.pay(payment)
        assert failed.value.reason == reason
    assert isinstance(simulator.pay(payment), Paid)
    assert len(summaries(service, "payout")) == 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Result": {"ResultCode": 0, "ResultParameters": {}}}, ("Result", 1)),
        ({"Result": {"ResultCode": 2001}}, ("Result", 0)),
        ({"Body": {"stkCallback": {"ResultCode": 1032}}}, ("Body", 0)),
    ],
)
def test_a_callback_is_contradicted(body: dict[str, Any], expected: tuple[str, int]) -> None:
    name, code = expected
    other = contradicted(body)[name]
    assert other.get("stkCallback", other)["ResultCode"] == code
    assert "ResultParameters" not in other


def test_an_event_of_stripes_is_contradicted() -> None:
    assert contradicted({"id": "evt_1", "type": "refund.failed"}) == {"id": "evt_1_again", "type": "refund.updated"}

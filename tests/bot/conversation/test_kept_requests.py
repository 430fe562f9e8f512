"""What a provider posts and cannot be handled now is kept and handled later, because the provider may not repeat it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.conversation.claims import LEASE_S
from bot.messaging import reports
from bot.providers.contracts import DeliveryReport
from bot.providers.errors import Reason
from bot.simulator.gateway import Gateway
from state.sessions import Sessions
from tests.bot.fixtures import AKINYI, NEW_PHONE, execute_sql, outgoing_messages, second_process
from tests.service import Service


@dataclass
class AbsentStore:
    """A session store that cannot be reached."""

    store: Sessions

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError("the session store is away")


def waiting_process(service: Service) -> Gateway:
    """A process that waits for claims without taking time."""
    return second_process(service, pause=lambda _seconds: None)


def hold(service: Service, msisdn: str) -> None:
    """Let another hop hold the claim of this person."""
    store, now = service.services.sessions, service.clock().timestamp()
    assert store.claim(msisdn, "another hop", now=now, lease=LEASE_S)


@pytest.mark.every_store
@pytest.mark.parametrize("provider", ["africastalking", "twilio"])
def test_a_text_that_cannot_claim_its_person_is_kept_and_handled_once(service: Service, provider: Any) -> None:
    hold(service, AKINYI)
    for _ in range(2):
        assert waiting_process(service).text(AKINYI, "CALL", provider=provider, id="SM1") == 200
    assert outgoing_messages(service, AKINYI) == []
    service.later(seconds=3)
    assert service.gateway.text(AKINYI, "CALL", provider=provider, id="SM1") == 200

    assert service.events().count("help.requested") == 1
    (answer,) = outgoing_messages(service, AKINYI)
    assert (answer.about, answer.status) == ("SM1", "sent")


def test_texts_are_kept_in_their_order_while_the_session_store_is_away(embedded: Service) -> None:
    away = second_process(embedded, sessions=AbsentStore(embedded.services.sessions))
    for body in ("JOIN Beatrice", "2"):
        assert away.text(NEW_PHONE, body, provider="twilio") == 200
    embedded.later(seconds=3)

    assert [text.text.split("\n")[0] for text in outgoing_messages(embedded, NEW_PHONE)] == [
        "What is your craft?",
        "Which kiosk will you bring your goods to?",
    ]


@pytest.mark.parametrize("secret", ["2468", " 24 68.", "135791"])
def test_what_may_be_a_pin_is_not_kept(embedded: Service, secret: str) -> None:
    hold(embedded, AKINYI)

    assert waiting_process(embedded).text(AKINYI, secret) == 500


def test_a_text_that_cannot_be_kept_either_is_answered_with_an_error(embedded: Service) -> None:
    hold(embedded, AKINYI)
    execute_sql(embedded, "DROP TABLE outbox")

    assert waiting_process(embedded).text(AKINYI, "CALL", provider="twilio") == 500


class Failing:
    """Wraps a function: the first calls with `about` among their arguments raise."""

    def __init__(self, call: Callable[..., object], about: object, times: int) -> None:
        self._call, self._about, self._left = call, about, times

    def __call__(self, *arguments: object) -> object:
        if self._about in arguments and self._left:
            self._left -= 1
            raise ConnectionError("the database ended this transaction")
        return self._call(*arguments)


def test_a_report_that_could_not_be_stored_counts_later(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the report says that WhatsApp is shut, so an SMS follows."""
    embedded.gateway.text(AKINYI, "MENU")
    embedded.work()
    execute_sql(embedded, "UPDATE message SET channel = 'whatsapp' WHERE direction = 'out'")
    (sent,) = outgoing_messages(embedded, AKINYI)
    shut = DeliveryReport(
        sent.provider or "", sent.provider_id or "", "failed", Reason.NOT_BY_WHATSAPP, "outside_whatsapp_window"
    )
    monkeypatch.setattr(reports, "apply", Failing(reports.apply, shut, 2))
    embedded.services.conversation.report(shut)
    embedded.later(seconds=3)
    assert [message.channel for message in outgoing_messages(embedded, AKINYI)] == ["whatsapp"]
    embedded.later(seconds=6)

    assert [message.channel for message in outgoing_messages(embedded, AKINYI)] == ["whatsapp", "sms"]


def test_an_opt_out_that_could_not_be_stored_counts_later(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "opt_out", Failing(reports.opt_out, AKINYI, 1))
    embedded.services.conversation.opted_out(AKINYI, "africastalking opt-out from 22384")
    embedded.later(seconds=3)
    embedded.gateway.text(AKINYI, "START")

    assert "you will get texts again" in outgoing_messages(embedded, AKINYI)[-1].text

"""Logs hold no phone number, nothing that was typed, no secret and no key, not even in tracebacks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bot.runtime import logs
from tests.bot.fixtures import AKINYI, choose_language, crashing_process, dial, execute_sql, place_order, seed_shop
from tests.service import OPERATOR_KEY, Service, serving

WEBHOOK_SECRET, SECRET_KEY, TWILIO_TOKEN = "path-nobody-guesses", "signs-the-photo-links", "twilio-auth-token"
TITLE, NAME = "Unheard-of lantern", "Beatrice Atieno"
NEVER_LOGGED = (AKINYI[4:], TITLE, NAME, WEBHOOK_SECRET, SECRET_KEY, TWILIO_TOKEN, OPERATOR_KEY)


@pytest.fixture
def service(tmp_path: Path, migrated_database_url: str) -> Iterator[Service]:
    """A shop with known secrets."""
    secrets: dict[str, Any] = {
        "webhook_secret": WEBHOOK_SECRET,
        "secret_key": SECRET_KEY,
        "twilio_auth_token": TWILIO_TOKEN,
    }
    with serving(tmp_path, database_url=migrated_database_url, **secrets) as service:
        seed_shop(service)
        choose_language(service, "en", AKINYI)
        yield service


def capture_log() -> StringIO:
    """Everything that is logged from here on."""
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    log = StringIO()
    handler.setStream(log)
    return log


def read_checked(log: StringIO) -> str:
    """What was logged, after a check that it contains nothing of NEVER_LOGGED."""
    lines = log.getvalue()
    assert [word for word in NEVER_LOGGED if word in lines] == []
    return lines


def break_inserts(service: Service, table: str) -> None:
    """Make every insert into a table fail with an error that quotes the row."""
    refusals = {
        "sqlite": f"CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END",
        "postgresql": f"ALTER TABLE {table} ADD CHECK (false) NOT VALID",
    }
    execute_sql(service, refusals[service.services.engine.dialect.name])


@pytest.mark.every_store
@pytest.mark.parametrize("table", ["product", "performed", "event"])
def test_a_failed_call_is_logged_without_the_caller_and_the_typed_text(service: Service, table: str) -> None:
    log = capture_log()
    dial(service, AKINYI, "1", TITLE, "6", "900", "5")
    break_inserts(service, table)
    assert service.gateway.answer(AKINYI, "1").startswith("END Sorry")

    assert "Traceback" in read_checked(log)


@pytest.mark.every_store
@pytest.mark.parametrize("table", ["message", "outbox", "performed"])
def test_a_failed_text_is_logged_without_its_words_and_the_secret_path(service: Service, table: str) -> None:
    """A text that fails is kept for later in the outbox; if that fails too, the provider is answered with an error."""
    log, status = capture_log(), 500 if table == "outbox" else 200
    break_inserts(service, table)
    assert service.gateway.text(AKINYI, f"JOIN {NAME}\nand {TITLE}") == status
    assert service.gateway.text(AKINYI, f"JOIN {NAME}", provider="twilio") == status
    service.later(minutes=2)

    assert "Traceback" in read_checked(log)


@pytest.mark.every_store
def test_a_failed_session_store_is_logged_without_the_caller(service: Service) -> None:
    process, log = crashing_process(service), capture_log()
    assert process.dial(AKINYI, f"*384*22*1*{TITLE}#").startswith("END Sorry")

    assert "Traceback" in read_checked(log)


def test_a_day_without_errors_is_logged_without_personal_data(service: Service) -> None:
    log = capture_log()
    dial(service, AKINYI, "1", TITLE, "6", "900", "5")
    service.gateway.hang_up(AKINYI)
    dial(service, AKINYI, "1", "5", "1")
    place_order(service, title=TITLE, buyer="+254733999404")
    service.fail_provider(500)
    service.gateway.text(AKINYI, "ORDERS")
    service.gateway.text("MPESA", "you got money")
    service.http.post("/webhooks/africastalking/wrong/ussd", data={"phoneNumber": AKINYI, "text": TITLE})
    service.later(minutes=5)

    assert "a message was not sent" in read_checked(log)


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("+254711000103", "+25471***103"),
        ("from=%2B254711000103&x", "from=%2B25471***103&x"),
        ("whatsapp:+14155550100.", "whatsapp:+1415***100."),
        ("('254711000103',)", "('25471***103',)"),
        ("0711000103", "071***103"),
        ("call 0711 000 103 or +254 711-000-103 now", "call 071***103 or +254 71***103 now"),
        ("at 2026-11-23 08:00:00 and 23-11-2026 10:15 from 192.168.100.200", None),
        ("took 12345678 of 0.123456789012 s, evt_0123456789012, ATXid_4f1c2d3e5a6b7c8d9e0f112233445566", None),
        ("*384*22# 2 * WORKERS, key of an order, a token of the provider, text of a message", None),
        ("1*2*1234 typed", "*** typed"),
        ("your code is 483920, PIN: 1234", "your code is ***, PIN: ***"),
        ("postgresql+psycopg://soko:hunter2@db.example/soko", "postgresql+psycopg://***@db.example/soko"),
        ("sessionId=A&text=1*2*Unheard&x=1", "sessionId=A&text=***&x=1"),
        ("order K7P4 of 2026-11-23T08:00:00Z costs 150000", "order K7P4 of 2026-11-23T08:00:00Z costs 150000"),
        ("POST /webhooks/africastalking/hush/ussd-events HTTP", "POST /webhooks/africastalking/***/ussd-events HTTP"),
        ("POST /webhooks/twilio/sms HTTP", "POST /webhooks/twilio/sms HTTP"),
    ],
)
def test_a_line_is_masked_where_it_must_be_and_nowhere_else(said: str, logged: str | None) -> None:
    assert logs.mask(said) == (said if logged is None else logged)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_every_part_of_a_line_is_masked(as_json: bool) -> None:
    logs.configure(as_json=as_json)
    log, logger = capture_log(), logging.getLogger("some.module")
    try:
        raise LookupError(f"nobody at {AKINYI}")
    except LookupError:
        logger.exception("said %s", AKINYI, extra={"who": AKINYI, "facts": {"to": [AKINYI]}})

    line = log.getvalue()
    assert AKINYI not in line
    assert line.count("+25471***103") == 4
    assert not as_json or json.loads(line)["who"] == "+25471***103"

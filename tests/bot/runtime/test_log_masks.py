"""Two hundred shapes of numbers and secrets, through every logger, as message, value and error: none is logged."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from bot.runtime import logs
from bot.runtime.settings import Settings
from tests.bot.runtime.test_logs import capture_log

ROOT = Path(__file__).parents[3]
OWN = "correct-horse-battery-staple-2026"
"""A secret of the process's settings."""
SHORTEST_WITHOUT_PLUS = 9
"""Digits. Some islands have numbers of 7 or 8 with their country: these are found with a plus only."""

SECRETS: Mapping[str, str] = {
    "1234": "PIN 1234|pin=1234|'pin': '1234'|PIN is 1234|text=1*1*1234|input=1*1234&x=1|{'text': '1234'}|said 1*1*1234",
    "483920": 'code 483920|code: 483920|{"code": 483920}|The code was 483920.|OTP 483920|text=483920|"body": "483920"',
    "Tm9ib2R5": "token=Tm9ib2R5|access_token: Tm9ib2R5|Authorization: Bearer Tm9ib2R5|Authorization: Basic Tm9ib2R5=",
    "s3cr3t-v4lue": "secret=s3cr3t-v4lue|'client_secret': 's3cr3t-v4lue'|password=s3cr3t-v4lue|redis://:s3cr3t-v4lue@db/0",
    "hunter2hunter2": "postgresql://soko:hunter2hunter2@db/soko|PASSWD=hunter2hunter2|apiKey: hunter2hunter2",
    "q83hf92hq83hf9": "soko_operator_q83hf92hq83hf9|whsec_q83hf92hq83hf9|atsk_q83hf92hq83hf9|sk_live_q83hf92hq83hf9",
    "aSVmgA.mF3kz1Pq0vXw2LrT": "GET /p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT|https://soko.example/p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT",
    "4k2x9mF3kz1Pq0vXw2LrTaSVmgA": "GET /o/4k2x9mF3kz1Pq0vXw2LrTaSVmgA|https://soko.example/o/4k2x9mF3kz1Pq0vXw2LrTaSVmgA/pay",
    "8k2m0q4z": "POST /webhooks/daraja/dev/result/8k2m0q4z|https://soko.example/webhooks/daraja/hush/express/8k2m0q4z",
    "hush-hush": "POST /webhooks/daraja/hush-hush/result|https://soko.example/webhooks/africastalking/hush-hush/ussd",
    "L/OH5YylLD5NRKLl": "X-Twilio-Signature: L/OH5YylLD5NRKLl|signature=L/OH5YylLD5NRKLl|Cookie: L/OH5YylLD5NRKLl",
    OWN: f"it is {OWN}|('x', '{OWN}')|?s={OWN}&x=1",
}


def numbers() -> Iterator[tuple[str, str]]:
    """A mobile number of every country and area, each written in one of eight ways, with its digits."""
    for place, region in enumerate(sorted(phonenumbers.SUPPORTED_REGIONS)):
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        if number is None:
            continue
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        spaced = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        digits = e164[1:]
        written = [e164, spaced, f"%2B{digits}", f"00{digits}", spaced.replace(" ", "-"), spaced.replace(" ", "\u00a0")]
        if len(digits) >= SHORTEST_WITHOUT_PLUS:
            written += [digits, spaced[1:]]
        if sum(map(str.isdigit, national)) >= SHORTEST_WITHOUT_PLUS:
            written += [national]
        yield written[place % len(written)], str(number.national_number)


SHAPES = [*numbers(), *((shape, secret) for secret, shapes in SECRETS.items() for shape in shapes.split("|"))]


def is_shown(secret: str, line: str) -> bool:
    """True if the secret stands in the line; the digits of a number may have anything between them."""
    return secret in line or (secret.isdigit() and len(secret) > 6 and secret in re.sub(r"[^\da-zA-Z*]", "", line))


@pytest.fixture
def log() -> StringIO:
    logs.configure(as_json=True, secrets=[OWN])
    return capture_log()


def lines(log: StringIO) -> list[str]:
    """The logged lines, without their times."""
    return [
        json.dumps(json.loads(line) | {"timestamp": ""}, ensure_ascii=False) for line in log.getvalue().splitlines()
    ]


def test_there_are_two_hundred_shapes() -> None:
    assert len(SHAPES) >= 200


def test_no_shape_is_logged_as_a_message_a_value_or_an_error(log: StringIO) -> None:
    loggers = [logging.getLogger(name) for name in [None, *sorted(logging.root.manager.loggerDict)]]
    for place, (shape, _) in enumerate(SHAPES):
        logger = loggers[place % len(loggers)]
        try:
            raise LookupError(f"nobody at {shape}") from ValueError({"to": [shape]})
        except LookupError:
            logger.exception("said %s", shape, extra={"who": shape, "facts": {"to": [shape, {"x": (shape,)}]}})
    logged = lines(log)
    assert len(logged) == len(SHAPES)
    assert [shape for (shape, secret), line in zip(SHAPES, logged, strict=True) if is_shown(secret, line)] == []


def test_every_logger_masks(log: StringIO) -> None:
    names = sorted(logging.root.manager.loggerDict)
    for name in names:
        logging.getLogger(name).critical("to +254 711 000 103 with PIN 1234")
    assert len(lines(log)) == len(names) > 50
    assert all("+254 71***103 with PIN ***" in line for line in lines(log))


@pytest.mark.parametrize(
    "name", ["pin", "api_key", "access_token", "client_secret", "Authorization", "password", "text"]
)
def test_a_value_of_a_secret_name_is_left_out_whatever_it_is(log: StringIO, name: str) -> None:
    logging.getLogger("bot").warning("asked", extra={name: "x9", "facts": {name: 90210}})
    (line,) = lines(log)
    assert "x9" not in line
    assert "90210" not in line


def test_a_line_that_cannot_be_formatted_is_not_printed_with_its_arguments(log: StringIO) -> None:
    (handler,) = [handler for handler in logging.getLogger().handlers if type(handler).__module__ == logs.__name__]
    handler.handle(logging.makeLogRecord({"name": "bot", "msg": "%d of them", "args": ("+254711000103",)}))
    assert "could not be formatted" in log.getvalue()
    assert "711" not in log.getvalue()


@pytest.mark.parametrize("where", ["raise LookupError(shape)", "threading.Thread(target=fail).start()", "warn(shape)"])
def test_what_python_prints_by_itself_is_masked(where: str) -> None:
    script = f"""
import threading
from warnings import warn
from bot.runtime import logs
logs.configure(as_json=True)
logs.log_uncaught()
shape = "+254 711 000 " + "103"
def fail():
    raise LookupError(shape)
{where}
"""
    run = [sys.executable, "-c", script]
    printed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stderr
    assert "+254 71***103" in printed
    assert "000 103" not in printed


def test_the_settings_know_their_secrets() -> None:
    settings = Settings(
        secret_key="a" * 32, webhook_secret="b" * 32, bootstrap_api_key="c" * 32, redis_url="redis://:hunter2@db"
    )
    assert {"a" * 32, "b" * 32, "c" * 32, "hunter2"} <= set(settings.secrets)


def test_the_settings_know_both_values_of_a_secret_that_is_being_replaced() -> None:
    settings = Settings(secret_key=f"{'a' * 32},{'d' * 32}", webhook_secret=f"{'b' * 32}, {'e' * 32}")
    assert {letter * 32 for letter in "adbe"} <= set(settings.secrets)

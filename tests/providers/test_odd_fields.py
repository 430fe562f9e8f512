"""A field of an odd type changes no outcome; where the field decides, the outcome is unknown and never a retry."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.providers.collector_contracts import Asked, NotCaptured
from bot.providers.contracts import Receipt
from bot.providers.payment_contracts import NotPaid, Paid, PaymentCallback, Pending
from tests.providers.recording import CallbackRecorder
from tests.providers.rows import africastalking, daraja, mpesa_express, stripe_checkout, twilio
from tests.providers.stand_in import StandIn
from tests.providers.wire import AnswerRow, CallbackRow, Failed

ODD: Mapping[str, Any] = {"null": None, "list": ["?"], "object": {"?": "?"}, "number": 7, "text": "?", "fraction": 0.5}
MISSING = "missing"
SAY_WHY = ("Message", "status", "error_code")
"""The fields that decide in an answer that refuses, and in no other."""
TABLES = {
    table.provider.name: table
    for table in (africastalking.TABLE, twilio.TABLE, daraja.TABLE, mpesa_express.TABLE, stripe_checkout.TABLE)
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each field, and of each entry of a list, in a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def changed(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The body with each field in turn of each odd type, with the name of the field: the last one in its path."""
    fields = json.loads(body)
    for path in places(fields):
        name = next(str(key) for key in reversed(path) if isinstance(key, str))
        for odd in (*ODD, MISSING):
            mutant = copy.deepcopy(fields)
            parent = mutant
            for key in path[:-1]:
                parent = parent[key]
            if odd == MISSING:
                del parent[path[-1]]
            else:
                parent[path[-1]] = ODD[odd]
            yield name, json.dumps(mutant).encode()


def is_json_object(body: str | bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def rows(provider: str) -> list[AnswerRow]:
    """One answer of each kind: with the same meaning, status and fields, one is as good as all."""
    kinds: dict[object, AnswerRow] = {}
    for row in TABLES[provider].answers:
        if is_json_object(row.body) and not (isinstance(row.means, Failed) and row.means.kind == (False, True)):
            means = row.means.kind if isinstance(row.means, Failed) else type(row.means)
            kinds.setdefault((row.status, means, *map(str, places(json.loads(row.body)))), row)
    return list(kinds.values())


@pytest.mark.parametrize(
    ("provider", "row"), [(provider, row) for provider in TABLES for row in rows(provider)], ids=lambda _: ""
)
def test_an_odd_field_of_an_answer_changes_no_outcome(provider: str, row: AnswerRow, api: StandIn) -> None:
    table = TABLES[provider]
    ask = table.asker(api)
    for name, body in changed(row.body):
        result = ask(replace(row, body=body))
        if name not in table.decides and not (isinstance(row.means, Failed) and name in SAY_WHY):
            assert is_same_outcome(result, row.means), body
        elif isinstance(row.means, Receipt | Pending | Asked):
            assert not isinstance(result, NotPaid | NotCaptured), body
            assert not (isinstance(result, Failed) and result.reason.retryable), body


def is_same_outcome(result: object, means: object) -> bool:
    """True if the result is an acceptance like `means`, or the same failure."""
    if isinstance(means, Failed | NotPaid | NotCaptured):
        return result == means or (not isinstance(means, Failed) and type(result) is type(means))
    return type(result) is type(means)


PAID = CallbackRow("/webhooks/daraja/{secret}/result/token", json.dumps(daraja.result(0, daraja.PAID)), ())
REFUSED = replace(PAID, body=json.dumps(daraja.result(2040)))
ANSWERED = replace(PAID, body=json.dumps(daraja.result(0, daraja.STATUS, **daraja.QUERY)))
DECIDES = {
    *("Result", "ResultCode", "ResultParameters", "ResultParameter", "Key", "Value"),
    *("OriginatorConversationID", "ConversationID", "TransactionID"),
}


@pytest.mark.parametrize("row", [PAID, REFUSED, ANSWERED], ids=["paid", "refused", "answer to a query"])
def test_an_odd_field_of_a_callback_turns_no_outcome_into_its_opposite(row: CallbackRow) -> None:
    handler = CallbackRecorder()
    (app,) = daraja.TABLE.applications(handler)
    post = daraja.TABLE.post
    assert post(app, replace(row, content_type="application/json")).status_code == 200
    (expected,) = handler.callbacks
    for name, body in changed(row.body.encode() if isinstance(row.body, str) else row.body):
        handler.callbacks.clear()
        answer = post(app, replace(row, body=body, content_type="application/json"))
        assert answer.status_code in (200, 400), body
        for told in handler.callbacks:
            assert not is_opposite(told, expected), body
            if name not in DECIDES | {"ResultDesc"}:
                assert told == expected, body


def is_opposite(told: PaymentCallback, expected: PaymentCallback) -> bool:
    """True if a payment is reported as not made that was made, or the other way round."""
    pairs = (told.if_payment, expected.if_payment), (told.if_query, expected.if_query)
    return any(
        isinstance(one, kind) and isinstance(other, opposite) for one, other in pairs for kind, opposite in KINDS
    )


KINDS = ((Paid, NotPaid), (NotPaid, Paid))

"""Reads what Daraja posts: results of requests, amounts, and the parties of a payment.

    {"Result": {"ResultCode": 0, "TransactionID": "SG63…", "ResultParameters": {"ResultParameter": [{"Key": …}]}}}

Every field may be missing, of another type or repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Request, Response, abort, jsonify

from bot.providers import forms
from bot.providers.http import text

CENTS = 100
"""Cents in a shilling. The API takes whole shillings."""
_MOST_DIGITS = 13  # before the point; no amount of ours has as many


def accepted() -> Response:
    """The answer to everything that could be read."""
    return jsonify(ResultCode=0, ResultDesc="Accepted")


def token(value: str) -> str:
    """The token in the path of a callback, without characters that a database cannot store."""
    return forms.bounded("the token", forms.clean(value))


def result(request: Request) -> Mapping[str, Any]:
    """The result in a request; the request is answered 400 if it has none, or one without a code."""
    found = forms.json_object(request).get("Result")
    if not isinstance(found, dict) or not text(found, "ResultCode"):
        abort(400, "the body has no result")
    return found


def parameters(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values. They arrive as a list, as a single object or not at all; a value may be missing."""
    raw = result.get("ResultParameters")
    items = raw.get("ResultParameter", []) if isinstance(raw, dict) else []
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict) and isinstance(item.get("Key"), str):
            yield item["Key"], item.get("Value")


def detail(code: str, description: str) -> str:
    """Daraja's code and words, for operators."""
    return f"{code} {description}".strip()[:200]


def msisdn(party: str) -> str | None:
    """The phone in `254711000111 - JANE DOE` or `0711000111 - JANE DOE`; None if it has none, or digits are masked."""
    phone = re.match(r"\+?(?:254|0)([17][0-9]{8})(?![0-9*])", party)
    return f"+254{phone[1]}" if phone else None


def cents(amount: Any) -> int | None:
    """`1500`, `1500.0` and `"1500.00"` shillings are 150000 cents; None if it is no amount, 400 if it is too large."""
    try:
        shillings = Decimal(str(amount))
        _ = shillings.adjusted() < _MOST_DIGITS or abort(400, "an amount is too large")
        return int(shillings * CENTS) if shillings * CENTS == int(shillings * CENTS) else None
    except (InvalidOperation, ValueError, OverflowError):  # not a number, NaN, infinite
        return None

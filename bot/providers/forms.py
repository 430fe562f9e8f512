"""Reads the form fields that providers post.

In a form the plus of `+254711000111` must be written `%2B`; a bare `+` arrives as a space, which `msisdn` corrects.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort

from flows.msisdn import is_e164


def required(form: Mapping[str, str], name: str) -> str:
    """The value of the field, without blanks around it; the request is answered 400 if it is missing or blank."""
    return form.get(name, "").strip() or abort(400, f"{name} is missing")


def msisdn(raw: str) -> str | None:
    """The number as E.164 with its plus, or None for a sender that is not a phone (`MPESA`, `22384`)."""
    number = f"+{raw.strip().removeprefix('+')}"
    return number if is_e164(number) else None

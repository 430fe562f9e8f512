"""Reading the form fields that providers post.

In a form the plus of `+254711000111` must be written `%2B`; a bare `+` arrives as a space, and is put back.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort

from flows.msisdn import is_e164


def required(form: Mapping[str, str], name: str) -> str:
    """The value of the field, without blanks around it; answers 400 when it is missing or blank."""
    return form.get(name, "").strip() or abort(400, f"{name} is missing")


def msisdn(raw: str) -> str | None:
    """The number as E.164 with its plus, or None for a sender that is no phone (`MPESA`, `22384`)."""
    number = f"+{raw.strip().removeprefix('+')}"
    return number if is_e164(number) else None

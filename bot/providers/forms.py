"""Reading the form fields that carriers post.

The plus of `+254711000111` must travel as `%2B`; a raw one arrives as a space, and is put back.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort

from flows.msisdn import is_e164


def filled(form: Mapping[str, str], name: str) -> str:
    """What the field holds; answers 400 when it is missing or blank."""
    return form.get(name, "").strip() or abort(400, f"{name} is missing")


def msisdn(raw: str) -> str | None:
    """The sender as E.164 with its plus, or None for one that is no phone (`MPESA`, `22384`)."""
    number = f"+{raw.strip().removeprefix('+')}"
    return number if is_e164(number) else None

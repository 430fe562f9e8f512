"""The page that says what an act does before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import render_template


def check_page(
    title: str, sentences: Sequence[str], *, action: str, button: str, back: str, hidden: Mapping[str, str]
) -> str:
    """A page with what the act does, and a form that does it: it is sent to `action` with the `hidden` fields."""
    return render_template(
        "check.html", title=title, sentences=sentences, action=action, button=button, back=back, hidden=hidden
    )

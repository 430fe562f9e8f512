"""The language of a page that exists in every language: `?lang=sw` chooses it, else the browser does."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request


def requested(languages: Sequence[str]) -> str:
    """The code of one of these languages for the present request; the first one if neither chooses another."""
    asked = request.args.get("lang")
    return (asked if asked in languages else request.accept_languages.best_match(languages)) or languages[0]

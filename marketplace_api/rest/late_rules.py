"""Routes whose URLs are rarely built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule that compiles the function that builds its URL when one is built.

    Werkzeug compiles two functions for each rule, which takes half of the time in which an application is made. Only
    redirects and `url_for` build URLs, and of few rules.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_builder = super()._compile_builder
        name = "_build_unknown" if append_unknown else "_build"

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            setattr(rule, name, compile_builder(append_unknown).__get__(rule))
            built: tuple[str, str] = getattr(rule, name)(**values)
            return built

        return build

"""What libraries compile for each engine and each application, compiled once a process: it takes most of a test's time.

engine = share_statements(create_engine(url))
share_routes()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from werkzeug.routing import Rule

_first_engines: dict[str, Engine] = {}
_builders: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


def share_statements(engine: Engine) -> Engine:
    """Makes the engine of a migrated database use the statements that earlier engines have compiled.

    SQLAlchemy keeps them in a cache of the engine, by their dialect; so both are shared.
    """
    first = _first_engines.get(engine.dialect.name)
    if first is None:
        engine.connect().close()  # now its dialect knows the server
        first = _first_engines.setdefault(engine.dialect.name, engine)
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine


def share_routes() -> None:
    """Makes Werkzeug compile the function that builds the URLs of a route once, not in each application."""
    if Rule._compile_builder is not _compile_builder_once:
        Rule._compile_builder = _compile_builder_once  # type: ignore[method-assign]


_compile_builder = Rule._compile_builder


def _compile_builder_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), rule.merge_slashes, append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]

"""What libraries compile for each engine and each application, compiled once a process: it takes most of a test's time.

engine = share_statements(create_engine(url))
share_routes()
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from werkzeug.routing import Rule

_first_engines: dict[str, Engine] = {}
_compiled: dict[tuple[Any, ...], Rule] = {}


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
    """Makes Werkzeug compile each rule once, not in each application."""
    if Rule.compile is not _compile_once:
        Rule.compile = _compile_once  # type: ignore[method-assign]


_compile = Rule.compile


def _compile_once(rule: Rule) -> None:
    key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), rule.merge_slashes)
    compiled = _compiled.get(key)
    if compiled is None:
        _compile(rule)
        _compiled[key] = rule
        return
    rule.arguments = set(compiled.arguments)
    rule._parts, rule._trace, rule._converters = compiled._parts, compiled._trace, compiled._converters
    for name in ("_build", "_build_unknown"):
        setattr(rule, name, getattr(compiled, name).__func__.__get__(rule, None))

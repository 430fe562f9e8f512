"""Reads the imports of a source tree, and finds its dependencies and import cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNREADABLE = "a name made at run time"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `from bot.db import engine` in bot/app.py is an import of `bot.db.engine` by `bot.app`."""

    path: Path
    line: int
    importer: str
    imported: str


def modules(root: Path, top_level: str) -> list[Path]:
    """The files of a top-level package or module."""
    return sorted([*root.glob(f"{top_level}.py"), *root.glob(f"{top_level}/**/*.py")])


def imports(root: Path, top_level: str) -> Iterator[Import]:
    """Every import in a top-level package or module, also in functions, for types only, and by a call."""
    for path in modules(root, top_level):
        name = module_name(root, path)
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        for line, imported in _imported(path.read_bytes(), package):
            yield Import(path.relative_to(root), line, name, imported)


def module_name(root: Path, path: Path) -> str:
    """The dotted name of a module or package."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache  # several rules read the same files
def _imported(source: bytes, package: str) -> Sequence[tuple[int, str]]:
    return list(_found_imports(source, package))


def _found_imports(source: bytes, package: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                from_module = _absolute("." * level + (module or ""), package)
                yield from ((node.lineno, f"{from_module}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id=call) | ast.Attribute(attr=call), args=[ast.Constant(value=str(name)), *_]):
                if call in ("__import__", "import_module"):
                    yield node.lineno, _absolute(name, package)
            case ast.Call(func=ast.Name(id=call) | ast.Attribute(attr=call)):
                if call in ("__import__", "import_module"):
                    yield node.lineno, UNREADABLE


def _absolute(name: str, package: str) -> str:
    """The full name of a module that may be named relative to a package."""
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - dots + 1], *filter(None, [name.lstrip(".")])])


def part(name: str, top_level: str) -> str | None:
    """The package or module directly in `top_level` that a dotted name belongs to; None if it belongs to none."""
    top, _, rest = name.partition(".")
    return rest.partition(".")[0] or None if top == top_level else None


def parts(root: Path, top_level: str) -> set[str]:
    """The packages and modules directly in a top-level package."""
    packages = {path.parent.name for path in root.glob(f"{top_level}/*/__init__.py")}
    return packages | {path.stem for path in root.glob(f"{top_level}/*.py") if path.stem != "__init__"}


def dependencies(root: Path, top_level: str) -> dict[str, set[str]]:
    """For each package and module directly in `top_level`, the others that it imports."""
    found: dict[str, set[str]] = {name: set() for name in parts(root, top_level)}
    for each in imports(root, top_level):
        importer, imported = part(each.importer, top_level), part(each.imported, top_level)
        if importer in found and imported in found and importer != imported:
            found[importer].add(imported)
    return found


def cycles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The groups of nodes that depend on each other, directly or through others."""
    reached = {name: _reachable(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return [set(group) for group in groups if group]


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """All nodes that `start` depends on, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found

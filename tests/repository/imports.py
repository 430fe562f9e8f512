"""Reads the imports of a source tree, and measures what depends on what."""

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


def modules(root: Path, room: str) -> list[Path]:
    """The files of a room, which is a package or a single module."""
    return sorted([*root.glob(f"{room}.py"), *root.glob(f"{room}/**/*.py")])


def imports(root: Path, room: str) -> Iterator[Import]:
    """Every import in a room, wherever it stands: in a function, for types only, or as a call."""
    for path in modules(root, room):
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
                source = _absolute("." * level + (module or ""), package)
                yield from ((node.lineno, f"{source}.{alias.name}") for alias in names)
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


def part(name: str, room: str) -> str | None:
    """The package or module directly in a room that a dotted name lies in; None for the room itself and for others."""
    top, _, rest = name.partition(".")
    return rest.partition(".")[0] or None if top == room else None


def parts(root: Path, room: str) -> set[str]:
    """The packages and modules directly in a room."""
    packages = {path.parent.name for path in root.glob(f"{room}/*/__init__.py")}
    return packages | {path.stem for path in root.glob(f"{room}/*.py") if path.stem != "__init__"}


def arrows(root: Path, room: str) -> dict[str, set[str]]:
    """For each part of a room the other parts that it imports."""
    found: dict[str, set[str]] = {name: set() for name in parts(root, room)}
    for each in imports(root, room):
        importer, imported = part(each.importer, room), part(each.imported, room)
        if importer in found and imported in found and importer != imported:
            found[importer].add(imported)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The groups of parts that import each other, directly or through others."""
    reached = {name: _reachable(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return [set(group) for group in groups if group]


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """All that `start` imports, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found

"""The rooms of the house and what each may import: one table, for the test and for the picture.

.venv/bin/python -m tests.repository.architecture     draws the picture in docs/architecture.md anew
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = re.compile(r"(?<=<!-- star -->\n).*?(?=<!-- /star -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Room:
    """`libraries` None: any. `shut`: modules of the standard library that this room does without."""

    about: str
    rooms: tuple[str, ...] = ()
    libraries: tuple[str, ...] | None = ()
    shut: tuple[str, ...] = ()


ROOMS = {
    "wsgi": Room("the door", rooms=("bot",)),
    "bot": Room(
        "the hall: HTTP, providers, delivery",
        rooms=("flows", "state", "marketplace_api", "locales"),
        libraries=None,
    ),
    "flows": Room(
        "what is asked next",
        libraries=("transitions", "phonenumbers", "rapidfuzz", "msgspec", "anyascii"),
        # a dialogue is pure: the world, the hour and chance are handed to it
        shut=(
            *("asyncio", "http", "io", "os", "pathlib", "shutil", "socket", "sqlite3", "ssl", "subprocess"),
            *("tempfile", "threading", "urllib", "random", "secrets", "time", "uuid"),
        ),
    ),
    "state": Room(
        "what outlives a hop",
        libraries=("sqlalchemy", "sqlalchemy_utc", "redis", "msgspec", "argon2"),
    ),
    "marketplace_api": Room(
        "what is true of the shop",
        libraries=(
            *("flask", "apiflask", "werkzeug", "pydantic"),
            *("sqlalchemy", "sqlalchemy_utc", "transitions"),
        ),
    ),
    "locales": Room("the words people read", libraries=("gettext", "babel")),
}
NAMES_THAT_SAY_NOTHING = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "core",
    "manager",
    "managers",
    "misc",
}
UNREADABLE = "a name made at run time"


def objections(root: Path) -> list[str]:
    """Everything in the tree at `root` that the table does not allow, as `file:line what`."""
    return [*_strangers(root), *_empty_names(root), *_imports_beyond_the_table(root)]


def _strangers(root: Path) -> Iterator[str]:
    packages = {path.parent.name for path in root.glob("*/__init__.py")}
    modules = {path.stem for path in root.glob("*.py")}
    for name in sorted((packages | modules) - ROOMS.keys() - {"tests"}):
        yield f"{name} is no room of the house"


def _empty_names(root: Path) -> Iterator[str]:
    for path in (*_modules(root, "tests"), *(path for room in ROOMS for path in _modules(root, room))):
        if NAMES_THAT_SAY_NOTHING & {part.removesuffix(".py") for part in path.relative_to(root).parts}:
            yield f"{path.relative_to(root)} has a name that says nothing"


def _imports_beyond_the_table(root: Path) -> Iterator[str]:
    for name, room in ROOMS.items():
        for path in _modules(root, name):
            for line, module in imported(path, name):
                if not allowed(name, room, module):
                    yield f"{path.relative_to(root)}:{line} imports {module}"


def _modules(root: Path, room: str) -> list[Path]:
    return sorted([*root.glob(f"{room}.py"), *root.glob(f"{room}/**/*.py")])


def allowed(name: str, room: Room, module: str) -> bool:
    """Whether this room may import the module of this dotted name."""
    if module == UNREADABLE or any(f"{module}.".startswith(f"{shut}.") for shut in room.shut):
        return False
    top = module.partition(".")[0]
    if top in ROOMS or top == "tests":
        return top in (name, *room.rooms)
    return top in sys.stdlib_module_names or room.libraries is None or top in room.libraries


def imported(path: Path, room: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, wherever it stands: in a function, for types only, or as a call.

    A relative import stays in its room: Python itself refuses one that would leave it.
    """
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module
            case ast.Call(func=ast.Name(id=call) | ast.Attribute(attr=call), args=[module, *_]):
                if call in ("__import__", "import_module"):
                    yield node.lineno, _literal(module, room)


def _literal(module: ast.expr, room: str) -> str:
    match module:
        case ast.Constant(value=str(name)):
            return room if name.startswith(".") else name
        case _:
            return UNREADABLE


def picture() -> str:
    """The star as a Mermaid flowchart."""
    boxes = [f'    {name}["<b>{name}</b><br/>{_label(room)}"]' for name, room in ROOMS.items()]
    doors = [f"    {name} --> {to}" for name, room in ROOMS.items() for to in room.rooms]
    return "\n".join(["```mermaid", "flowchart LR", *boxes, *doors, "```", ""])


def _label(room: Room) -> str:
    return f"{room.about}<br/><small>{', '.join(room.libraries)}</small>" if room.libraries else room.about


if __name__ == "__main__":
    services = ROOT / "docs/architecture.md"
    services.write_text(PICTURE.sub(lambda _: picture(), services.read_text()))

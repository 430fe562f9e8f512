"""The rules of the tree. Each is a function that yields an objection for each place that breaks it.

An objection names the file, and the line where there is one: `bot/web/pages.py:7 imports bot.services`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.repository.architecture import (
    DECLARATION,
    ENTRY_POINTS,
    LEVELS,
    PROVIDERS,
    ROOMS,
    USERS_OF_ADAPTERS,
    Room,
)
from tests.repository.imports import UNREADABLE, arrows, circles, imports, module_name, modules, part, parts

MEANINGLESS_NAMES = {"util", "utils", "helper", "helpers", "common", "core", "manager", "managers", "misc"}
MOST_LINES = 400
WITHOUT_CIRCLES = ("bot", "marketplace_api")

MODELS_AND_SCHEMAS = ("marketplace_api/models.py", "marketplace_api/schemas/")
SAME_NAMES = {
    **dict.fromkeys(("Artisan", "Assignment", "Brief", "Event", "HelpRequest", "Kiosk", "Order"), MODELS_AND_SCHEMAS),
    **dict.fromkeys(("Payout", "Photo", "Product", "TimelineEntry"), MODELS_AND_SCHEMAS),
    **dict.fromkeys(("WebhookDelivery", "WebhookEndpoint"), MODELS_AND_SCHEMAS),
    "Message": ("state/messages.py", "bot/web/messages_api.py"),
}
"""Classes that may have one name: a thing as it is stored and as the API shows it, and where each is."""


# -- rooms


def unknown_rooms(root: Path) -> Iterator[str]:
    """A top-level package or module that the table does not have."""
    packages = {path.parent.name for path in root.glob("*/__init__.py")}
    names = packages | {path.stem for path in root.glob("*.py")}
    for name in sorted(names - ROOMS.keys() - {"tests"}):
        yield f"{name} is not in the table of rooms"


def imports_beyond_the_room(root: Path) -> Iterator[str]:
    """An import that the room's row does not allow, or whose name only a running program knows."""
    for name, room in ROOMS.items():
        for each in imports(root, name):
            if not _is_allowed(name, room, each.imported):
                yield f"{each.path}:{each.line} imports {each.imported}"


def _is_allowed(name: str, room: Room, imported: str) -> bool:
    if imported == UNREADABLE or any(f"{imported}.".startswith(f"{forbidden}.") for forbidden in room.forbidden):
        return False
    top = imported.partition(".")[0]
    if top in ROOMS or top == "tests":
        return top in (name, *room.rooms)
    return top in sys.stdlib_module_names or room.libraries is None or top in room.libraries


# -- parts of a room


def imports_against_the_levels(root: Path) -> Iterator[str]:
    """An import of something that stands on the same level or higher."""
    for room, levels in LEVELS.items():
        level_of = {name: number for number, names in enumerate(levels) for name in names}
        for each in imports(root, room):
            importer, imported = part(each.importer, room), part(each.imported, room)
            if importer not in level_of or imported not in level_of or importer == imported:
                continue
            if level_of[imported] <= level_of[importer]:
                yield f"{each.path}:{each.line} imports {room}.{imported}, which does not stand lower than {importer}"


def parts_without_a_level(root: Path) -> Iterator[str]:
    """A package or module in a room that the table of levels does not have."""
    for room, levels in LEVELS.items():
        known = {name for names in levels for name in names}
        for name in sorted(parts(root, room) - known):
            yield f"{room}/{name} has no level in the table"


def files_beside_the_entry_points(root: Path) -> Iterator[str]:
    """A file directly in `bot` that is no entry point."""
    for path in sorted(root.glob("bot/*.py")):
        if path.stem not in (*ENTRY_POINTS, "__init__"):
            yield f"bot/{path.name} lies directly in bot, and belongs into a package"


def imports_of_an_adapter(root: Path) -> Iterator[str]:
    """An import of a provider's adapter by anything but the registry and the simulator."""
    adapters = set(_adapters(root))
    for each in imports(root, "bot"):
        adapter = ".".join(each.imported.split(".")[:3])
        may = any(f"{each.importer}.".startswith(f"{user}.") for user in (*USERS_OF_ADAPTERS, adapter))
        if adapter in adapters and not may:
            yield f"{each.path}:{each.line} imports {adapter}, a provider's adapter"


def _adapters(root: Path) -> Iterator[str]:
    for path in root.glob(f"{PROVIDERS.replace('.', '/')}/*.py"):
        for node in ast.parse(path.read_bytes()).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    if name == DECLARATION:
                        yield module_name(root, path)


def circular_imports(root: Path) -> Iterator[str]:
    """Parts of a room that import each other, directly or through others."""
    for room in WITHOUT_CIRCLES:
        for circle in circles(arrows(root, room)):
            yield f"{room} has a circle of imports: {', '.join(sorted(circle))}"


# -- files


def meaningless_names(root: Path) -> Iterator[str]:
    """A file or folder whose name does not say what it holds."""
    for path in (path for room in (*ROOMS, "tests") for path in modules(root, room)):
        if MEANINGLESS_NAMES & {part.removesuffix(".py") for part in path.relative_to(root).parts}:
            yield f"{path.relative_to(root)} has a name that says nothing"


def packages_without_a_sentence(root: Path) -> Iterator[str]:
    """A package without a docstring, or with one that is not a single sentence."""
    for path in sorted(path for room in ROOMS for path in root.glob(f"{room}/**/__init__.py")):
        text = (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n\n")[0]
        if not text.endswith(".") or re.search(r"\.\s", text):
            yield f"{path.relative_to(root)} does not begin with one sentence about the package"


def files_that_only_import(root: Path) -> Iterator[str]:
    """A module that has nothing of its own, but passes on what it imports."""
    for path in (path for room in (*ROOMS, "tests") for path in modules(root, room) if path.stem != "__init__"):
        own = [node for node in ast.parse(path.read_bytes()).body if not _is_import(node)]
        if not own:
            yield f"{path.relative_to(root)} only passes on what it imports"


def _is_import(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Name() | ast.Attribute()):
            return True
    return False


def long_files(root: Path) -> Iterator[str]:
    """A file that is too long to read in one go; models are one file, and a migration never changes again."""
    for path in sorted(path for room in ROOMS for path in modules(root, room)):
        lines = path.read_text().count("\n")
        if lines > MOST_LINES and path.name != "models.py" and path.parent.name != "versions":
            yield f"{path.relative_to(root)} has {lines} lines, more than {MOST_LINES}"


def class_names_that_stand_twice(root: Path) -> Iterator[str]:
    """A class name with two meanings, anywhere in the tree."""
    for name, places in sorted(places_of_classes(root).items()):
        stored, shown = SAME_NAMES.get(name, ("", ""))
        pair = [[place for place in places if stored and place.startswith(where)] for where in (stored, shown)]
        if len(places) > 1 and not (len(places) == 2 and all(pair)):
            yield f"{name} stands for more than one thing: {', '.join(places)}"


def places_of_classes(root: Path) -> dict[str, list[str]]:
    """Where the classes of each name are, as `file:line`."""
    found = defaultdict(list)
    for path in (path for room in (*ROOMS, "tests") for path in modules(root, room)):
        for name, line in _classes(path.read_bytes()):
            found[name].append(f"{path.relative_to(root)}:{line}")
    return found


@cache  # each name is looked for in the same files
def _classes(source: bytes) -> Sequence[tuple[str, int]]:
    nodes = ast.walk(ast.parse(source))
    return [(node.name, node.lineno) for node in nodes if isinstance(node, ast.ClassDef)]


RULES = (
    unknown_rooms,
    imports_beyond_the_room,
    imports_against_the_levels,
    parts_without_a_level,
    files_beside_the_entry_points,
    imports_of_an_adapter,
    circular_imports,
    meaningless_names,
    packages_without_a_sentence,
    files_that_only_import,
    long_files,
    class_names_that_stand_twice,
)


def figures(root: Path) -> str:
    """What the tree measures today, a line each."""
    graph = arrows(root, "bot")
    back = list(imports_against_the_levels(root))
    longest = max(
        (path.read_text().count("\n"), path)
        for room in ROOMS
        for path in modules(root, room)
        if path.name != "models.py"
    )
    lines = {
        "packages and entry points in bot": len(graph),
        "arrows between them": sum(map(len, graph.values())),
        "arrows that run back up": len(back),
        "circles in bot and marketplace_api": len(list(circular_imports(root))),
        "files directly in bot": len(list(root.glob("bot/*.py"))),
        "longest file": f"{longest[1].relative_to(root)}, {longest[0]} lines",
        "class names that stand twice": len(list(class_names_that_stand_twice(root))),
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())

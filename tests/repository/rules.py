"""The rules of the source tree. Each rule is a function that yields a message for each violation.

A message names the file, and the line if there is one: `bot/web/pages.py:7 imports bot.services`.
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
    TOP_LEVEL,
    USERS_OF_ADAPTERS,
    TopLevelModule,
)
from tests.repository.imports import UNREADABLE, cycles, dependencies, imports, module_name, modules, part, parts

MEANINGLESS_NAMES = {"util", "utils", "helper", "helpers", "common", "core", "manager", "managers", "misc"}
MOST_LINES = 400
WITHOUT_IMPORT_CYCLES = ("bot", "marketplace_api")

MODELS_AND_SCHEMAS = ("marketplace_api/models.py", "marketplace_api/schemas/")
SAME_NAMES = {
    **dict.fromkeys(("ApiKey", "Artisan", "Assignment", "Brief", "Event", "HelpRequest", "Kiosk"), MODELS_AND_SCHEMAS),
    **dict.fromkeys(("Order", "Payout", "Photo", "Product", "TimelineEntry"), MODELS_AND_SCHEMAS),
    **dict.fromkeys(("WebhookDelivery", "WebhookEndpoint"), MODELS_AND_SCHEMAS),
    **dict.fromkeys(("BuyerPayment", "Refund", "Settlement", "StorefrontTerms"), MODELS_AND_SCHEMAS),
    "Message": ("state/messages.py", "bot/web/messages_api.py"),
}
"""Names that two classes may share, the stored form and the API form of one thing, and where these classes are."""


# -- top-level modules


def unknown_top_level_modules(root: Path) -> Iterator[str]:
    """Top-level packages and modules that are not in the table."""
    packages = {path.parent.name for path in root.glob("*/__init__.py")}
    names = packages | {path.stem for path in root.glob("*.py")}
    for name in sorted(names - TOP_LEVEL.keys() - {"tests"}):
        yield f"{name} is not in the table of top-level modules"


def forbidden_imports(root: Path) -> Iterator[str]:
    """Imports that the row of the table does not allow, and imports of a name made at run time."""
    for name, module in TOP_LEVEL.items():
        for each in imports(root, name):
            if not _is_allowed(name, module, each.imported):
                yield f"{each.path}:{each.line} imports {each.imported}"


def _is_allowed(name: str, module: TopLevelModule, imported: str) -> bool:
    if imported == UNREADABLE or any(f"{imported}.".startswith(f"{forbidden}.") for forbidden in module.forbidden):
        return False
    top = imported.partition(".")[0]
    if top in TOP_LEVEL or top == "tests":
        return top in (name, *module.may_import)
    return top in sys.stdlib_module_names or module.libraries is None or top in module.libraries


# -- parts of a top-level package


def imports_against_the_levels(root: Path) -> Iterator[str]:
    """Imports of a package or module on the same level or a higher one."""
    for top_level, levels in LEVELS.items():
        level_of = {name: number for number, names in enumerate(levels) for name in names}
        for each in imports(root, top_level):
            importer, imported = part(each.importer, top_level), part(each.imported, top_level)
            if importer not in level_of or imported not in level_of or importer == imported:
                continue
            if level_of[imported] <= level_of[importer]:
                place, target = f"{each.path}:{each.line}", f"{top_level}.{imported}"
                yield f"{place} imports {target}, which is not on a lower level than {importer}"


def parts_without_a_level(root: Path) -> Iterator[str]:
    """Packages and modules directly in a top-level package that are not in the table of levels."""
    for top_level, levels in LEVELS.items():
        known = {name for names in levels for name in names}
        for name in sorted(parts(root, top_level) - known):
            yield f"{top_level}/{name} has no level in the table"


def files_beside_the_entry_points(root: Path) -> Iterator[str]:
    """Files directly in `bot` that are no entry points."""
    for path in sorted(root.glob("bot/*.py")):
        if path.stem not in (*ENTRY_POINTS, "__init__"):
            yield f"bot/{path.name} is directly in bot, and belongs into a package"


def forbidden_imports_of_adapters(root: Path) -> Iterator[str]:
    """Imports of a provider's adapter outside the registry and the simulator."""
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


def import_cycles(root: Path) -> Iterator[str]:
    """Parts of a top-level package that import each other, directly or through others."""
    for top_level in WITHOUT_IMPORT_CYCLES:
        for cycle in cycles(dependencies(root, top_level)):
            yield f"{top_level} has an import cycle: {', '.join(sorted(cycle))}"


# -- files


def meaningless_names(root: Path) -> Iterator[str]:
    """Files and folders whose name does not say what they contain."""
    for path in (path for top_level in (*TOP_LEVEL, "tests") for path in modules(root, top_level)):
        if MEANINGLESS_NAMES & {part.removesuffix(".py") for part in path.relative_to(root).parts}:
            yield f"{path.relative_to(root)} has a meaningless name"


def packages_without_a_one_sentence_docstring(root: Path) -> Iterator[str]:
    """Packages without a docstring, or whose docstring does not begin with a single sentence."""
    for path in sorted(path for top_level in TOP_LEVEL for path in root.glob(f"{top_level}/**/__init__.py")):
        text = (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n\n")[0]
        if not text.endswith(".") or re.search(r"\.\s", text):
            yield f"{path.relative_to(root)} does not begin with one sentence about the package"


def files_that_only_reexport(root: Path) -> Iterator[str]:
    """Modules that define nothing, and only re-export what they import."""
    for path in (
        path for top_level in (*TOP_LEVEL, "tests") for path in modules(root, top_level) if path.stem != "__init__"
    ):
        own = [node for node in ast.parse(path.read_bytes()).body if not _is_import(node)]
        if not own:
            yield f"{path.relative_to(root)} only re-exports what it imports"


def _is_import(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Name() | ast.Attribute()):
            return True
    return False


def long_files(root: Path) -> Iterator[str]:
    """Files of more than `MOST_LINES` lines, except models, which are one file, and migrations, which never change."""
    for path in sorted(path for top_level in TOP_LEVEL for path in modules(root, top_level)):
        lines = path.read_text().count("\n")
        if lines > MOST_LINES and path.name != "models.py" and path.parent.name != "versions":
            yield f"{path.relative_to(root)} has {lines} lines, more than {MOST_LINES}"


def duplicate_class_names(root: Path) -> Iterator[str]:
    """Class names that several classes have, anywhere in the tree."""
    for name, places in sorted(places_of_classes(root).items()):
        stored, shown = SAME_NAMES.get(name, ("", ""))
        pair = [[place for place in places if stored and place.startswith(where)] for where in (stored, shown)]
        if len(places) > 1 and not (len(places) == 2 and all(pair)):
            yield f"{name} is the name of several classes: {', '.join(places)}"


def places_of_classes(root: Path) -> dict[str, list[str]]:
    """The places of the classes with each name, as `file:line`."""
    found = defaultdict(list)
    for path in (path for top_level in (*TOP_LEVEL, "tests") for path in modules(root, top_level)):
        for name, line in _classes(path.read_bytes()):
            found[name].append(f"{path.relative_to(root)}:{line}")
    return found


@cache  # several rules and tests read the same files
def _classes(source: bytes) -> Sequence[tuple[str, int]]:
    nodes = ast.walk(ast.parse(source))
    return [(node.name, node.lineno) for node in nodes if isinstance(node, ast.ClassDef)]


RULES = (
    unknown_top_level_modules,
    forbidden_imports,
    imports_against_the_levels,
    parts_without_a_level,
    files_beside_the_entry_points,
    forbidden_imports_of_adapters,
    import_cycles,
    meaningless_names,
    packages_without_a_one_sentence_docstring,
    files_that_only_reexport,
    long_files,
    duplicate_class_names,
)


def figures(root: Path) -> str:
    """The measures of the tree today, one per line."""
    graph = dependencies(root, "bot")
    back = list(imports_against_the_levels(root))
    longest = max(
        (path.read_text().count("\n"), path)
        for top_level in TOP_LEVEL
        for path in modules(root, top_level)
        if path.name != "models.py"
    )
    lines = {
        "packages and entry points in bot": len(graph),
        "imports between them": sum(map(len, graph.values())),
        "imports against the levels": len(back),
        "import cycles in bot and marketplace_api": len(list(import_cycles(root))),
        "files directly in bot": len(list(root.glob("bot/*.py"))),
        "longest file": f"{longest[1].relative_to(root)}, {longest[0]} lines",
        "duplicate class names": len(list(duplicate_class_names(root))),
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())

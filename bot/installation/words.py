"""Checks of what people read: dialogues, translations, and the templates of pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, TemplateSyntaxError, meta

from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from bot.messaging import rendering
from flows.kit import SMS, USSD, DialogueEngine, Place
from flows.kit.validation import Fault, find_faults, find_wording_faults
from locales import SOURCE, po_files

NOT_AS_RELEASED = "The files are not those of a release: `git status`, then install this version again."
TEMPLATES = Path(__file__).parents[1] / "web" / "templates"


def dialogue_faults(engine: DialogueEngine, place: Place) -> list[Fault]:
    """All faults of the dialogues: first those of the flows, then those of the wordings in each language."""
    renderings = product((rendering.words(code) for code, _ in place.languages), (USSD, SMS))
    wording_faults = (find_wording_faults(engine, place, words, channel) for words, channel in renderings)
    return [*find_faults(engine), *chain.from_iterable(wording_faults)]


def untranslated(place: Place) -> list[str]:
    """The faults of the translations: messages that are missing or fuzzy, or have other fields than in English."""
    source = po_files.template()
    catalogues = {code: po_files.read(code) for code, _ in place.languages if code != SOURCE}
    return [
        f"{code}: {fault}"
        for code, catalogue in catalogues.items()
        for fault in po_files.find_faults(catalogue, source)
    ]


def _dialogues(installation: Installation) -> CheckFinding:
    runner = installation.services.conversation.runner
    return _whole(list(map(str, dialogue_faults(runner.engine, runner.place))), "every state can be reached and left")


def _languages(installation: Installation) -> CheckFinding:
    place = installation.services.conversation.runner.place
    return _whole(untranslated(place), f"{len(place.languages)} languages are whole")


def _templates(_: Installation) -> CheckFinding:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    names = environment.list_templates()
    faults = [fault for name in names for fault in _template_faults(environment, name, names)]
    return _whole(faults if names else ["there are no templates"], f"{len(names)} templates can be read")


def _template_faults(environment: Environment, name: str, names: Sequence[str]) -> Iterator[str]:
    source, *_ = FileSystemLoader(TEMPLATES).get_source(environment, name)
    try:
        used = meta.find_referenced_templates(environment.parse(source))
    except TemplateSyntaxError as error:
        yield f"{name}:{error.lineno}: {error.message}"
        return
    yield from (f"{name} names {other}, which is missing" for other in used if other and other not in names)


def _whole(faults: list[str], otherwise: str) -> CheckFinding:
    if faults:
        return wrong("; ".join(faults[:3]), NOT_AS_RELEASED)
    return well(otherwise)


CHECKS = (
    InstallationCheck("dialogues", "every dialogue is whole", _dialogues),
    InstallationCheck("languages", "every language is whole", _languages),
    InstallationCheck("templates", "the templates of pages can be read", _templates),
)

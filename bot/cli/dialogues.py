"""The dialogues from the command line: `flask --app wsgi dialogues check` and `… draw`."""

from __future__ import annotations

import re
from itertools import chain, product
from pathlib import Path

import click
from flask.cli import AppGroup

from bot.cli.context import current_services
from bot.messaging import rendering
from flows.kit import SMS, USSD, DialogueEngine, Place
from flows.kit.drawing import mermaid
from flows.kit.validation import Fault, find_faults, find_wording_faults
from locales import SOURCE, upkeep

DRAWN = re.compile(r"(?<=<!-- drawn -->\n).*?(?=<!-- /drawn -->)", re.DOTALL)
"""Where a page keeps the pictures of all flows."""

dialogues = AppGroup("dialogues", help="What is asked, in what order.")


@dialogues.command("check")
def check() -> None:
    """Prove that every dialogue can be come to, left, and shown in every language."""
    runner = current_services().conversation.runner
    found = [*objections(runner.engine, runner.place), *untranslated(runner.place)]
    for fault in found:
        click.echo(fault)
    raise SystemExit(1 if found else 0)


@dialogues.command("draw")
@click.argument("names", metavar="[FLOW]...", nargs=-1)
@click.option(
    "--into", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Redraw all flows of this page."
)
def draw(names: tuple[str, ...], into: Path | None) -> None:
    """Draw flows as Mermaid state diagrams; all of them when none is named."""
    engine = current_services().conversation.runner.engine
    if unknown := [name for name in names if name not in engine.flows]:
        raise click.BadParameter(f"no such flow: {', '.join(unknown)}. There are {', '.join(engine.flows)}.")
    if into:
        pictures = drawn(engine)
        into.write_text(DRAWN.sub(lambda _: pictures, into.read_text()))
    else:
        click.echo("\n\n".join(mermaid(engine.flows[name]) for name in names or engine.flows))


def objections(engine: DialogueEngine, place: Place) -> list[Fault]:
    """Everything the book is at fault in, first as it is written, then in each language of the place."""
    spoken = product((rendering.words(code) for code, _ in place.languages), (USSD, SMS))
    return [*find_faults(engine), *chain.from_iterable(find_wording_faults(engine, place, *said) for said in spoken)]


def untranslated(place: Place) -> list[str]:
    """What is missing from the catalogues of the place, doubtful, or filled in otherwise than the English."""
    source = upkeep.template()
    catalogues = {code: upkeep.read(code) for code, _ in place.languages if code != SOURCE}
    return [f"{code}: {fault}" for code, catalogue in catalogues.items() for fault in upkeep.faults(catalogue, source)]


def drawn(engine: DialogueEngine) -> str:
    """All flows for a page of documentation, each folded under its name."""
    return "".join(
        f"<details><summary>{flow.name}</summary>\n\n```mermaid\n{mermaid(flow)}\n```\n\n</details>\n"
        for flow in engine.flows.values()
    )

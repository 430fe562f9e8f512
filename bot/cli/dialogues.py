"""Commands for the dialogues: `flask --app wsgi dialogues check` and `… draw`."""

from __future__ import annotations

import re
from pathlib import Path

import click
from flask.cli import AppGroup

from bot.cli.context import current_services
from bot.installation.words import dialogue_faults, untranslated
from flows.kit import DialogueEngine
from flows.kit.drawing import mermaid

DRAWN = re.compile(r"(?<=<!-- drawn -->\n).*?(?=<!-- /drawn -->)", re.DOTALL)
"""The part of a page between the two comments: the diagrams of all flows."""

dialogues = AppGroup("dialogues", help="The dialogues: what is asked, in what order.")


@dialogues.command("check")
def check() -> None:
    """Check that every state can be reached, left, and shown in every language; print all faults."""
    runner = current_services().conversation.runner
    found = [*dialogue_faults(runner.engine, runner.place), *untranslated(runner.place)]
    for fault in found:
        click.echo(fault)
    raise SystemExit(1 if found else 0)


@dialogues.command("draw")
@click.argument("names", metavar="[FLOW]...", nargs=-1)
@click.option(
    "--into", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Redraw all flows of this page."
)
def draw(names: tuple[str, ...], into: Path | None) -> None:
    """Draw flows as Mermaid state diagrams; all flows if none is named."""
    engine = current_services().conversation.runner.engine
    if unknown := [name for name in names if name not in engine.flows]:
        raise click.BadParameter(f"no such flow: {', '.join(unknown)}. There are {', '.join(engine.flows)}.")
    if into:
        diagrams = drawn(engine)
        into.write_text(DRAWN.sub(lambda _: diagrams, into.read_text()))
    else:
        click.echo("\n\n".join(mermaid(engine.flows[name]) for name in names or engine.flows))


def drawn(engine: DialogueEngine) -> str:
    """All flows as Markdown for a page of documentation, each collapsed under its name."""
    return "".join(
        f"<details><summary>{flow.name}</summary>\n\n```mermaid\n{mermaid(flow)}\n```\n\n</details>\n"
        for flow in engine.flows.values()
    )

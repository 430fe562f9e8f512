"""Plays transcripts, compares them with what the service answers now, and makes them from logs. In development only."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from bot.providers import registry

transcript = AppGroup("transcript", help="Conversations as text files.")
FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)


@transcript.command("play")
@FILES
@click.option("--leave-out", is_flag=True, help="Replace what cannot be played by a comment.")
def play(files: tuple[Path, ...], leave_out: bool) -> None:
    """Play transcripts, each on a new database, and print them with the replies of this version; - is standard input.

    The settings are the default ones, and those that a transcript names.
    """
    for file in files:
        click.echo(played(_read(file), str(file), leaves_out=leave_out), nl=False)


@transcript.command("diff")
@FILES
@click.option("--json", "as_json", is_flag=True, help="Print all pieces of one transcript: [[kind, text], …].")
def diff(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what this version answers otherwise than in transcripts: [-gone-]{+new+}. rc 1 if anything differs."""
    from bot.playground.differences import as_text, differences

    differ = False
    for file in files:
        script = _read(file)
        parts = differences(script, played(script, str(file)))
        differs = any(part.kind != "same" for part in parts)
        differ |= differs
        if as_json:
            click.echo(json.dumps(parts))
        elif differs:
            click.echo(f"{file}\n{as_text(parts)}", nl=False)
    raise SystemExit(int(differ))


@transcript.command("from-log")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--caller", help="A masked number in the log, such as +25471***111. Without it, all callers.")
def from_log(file: Path, caller: str | None) -> None:
    """Print what people said as a transcript with stand-in numbers, from JSON lines logged with LOG_DIALOGUES=on."""
    from bot.playground.from_log import transcript_of

    try:
        click.echo(transcript_of(_read(file).splitlines(), caller), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _read(file: Path) -> str:
    return sys.stdin.read() if str(file) == "-" else file.read_text()


def played(script: str, name: str, *, leaves_out: bool = False) -> str:
    """The transcript with the replies of this version. Raises ClickException, which calls the transcript so."""
    # imported here, because it imports the worker, which no web process needs
    from bot.playground.harness import open_harness
    from bot.playground.transcript import TranscriptPlayer, UnplayableLineError, settings_of

    with tempfile.TemporaryDirectory() as folder, _default_settings():
        try:
            settings: dict[str, Any] = dict(settings_of(script))
            with open_harness(Path(folder), **settings) as harness:
                return TranscriptPlayer(harness).play(script, leaves_out=leaves_out)
        except ValueError as error:  # of a setting too
            explained = error if isinstance(error, UnplayableLineError) else f"a setting is wrong: {error}"
            raise click.ClickException(f"{name}: {explained}") from error


@contextmanager
def _default_settings() -> Iterator[None]:
    """No setting is taken from the environment in this block."""
    names = {name.upper() for name in registry.settings_class().model_fields}
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.upper() in names}
    try:
        yield
    finally:
        os.environ.update(taken)

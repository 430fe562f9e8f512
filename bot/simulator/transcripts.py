"""The routes under which what was played becomes a transcript. In development only.

POST /simulator/transcripts            201 text/plain: what was played since the reset, with the answers
GET  /simulator/transcripts            the names of those in tests/transcripts; GET …/<name> is one
POST /simulator/transcripts/compare    {"text"}: the pieces of it and of what the service answers now
POST /simulator/transcripts/saved      {"name", "text"}: 201, it is in tests/transcripts
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from flask import Blueprint, Response, abort, jsonify, request
from pydantic import StringConstraints, ValidationError

from bot.services import Services
from bot.simulator import recording
from marketplace_api import problems
from marketplace_api.fields import LateModel

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests/transcripts"
"""Where a checkout has transcripts; an installed service may lack it."""
NAME = r"^[a-z0-9_]{1,60}$"
LONGEST = 500_000
"""Of a transcript, in characters."""
COMMAND = (sys.executable, "-m", "flask", "--app", "wsgi", "transcript")
LONGEST_S = 120
"""How long playing a transcript may take."""
Answer = Response | tuple[Response, int]


class UnplayableError(ValueError):
    """A transcript could not be played; the message says where."""


def run(*arguments: str, script: str) -> str:
    """The output of a `transcript` command that reads this script; it runs in a process of its own.

    The service that it plays on shares nothing with this one. Raises UnplayableError.
    """
    played = subprocess.run(  # noqa: S603 - the arguments are ours
        [*COMMAND, *arguments, "-"],
        input=script,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_S,
        check=False,
    )
    if played.returncode not in (0, 1) or (played.returncode and not played.stdout):
        raise UnplayableError(
            played.stderr.strip().splitlines()[-1] if played.stderr.strip() else "it cannot be played"
        )
    return played.stdout


class Transcript(LateModel):
    """The body of what compares or saves a transcript; only who saves it gives it a name."""

    text: Annotated[str, StringConstraints(max_length=LONGEST)]
    name: Annotated[str, StringConstraints(pattern=NAME)] = ""


def routes(services: Services) -> Blueprint:
    """Everything under `/simulator/transcripts`."""
    blueprint = Blueprint("simulated_transcripts", __name__, url_prefix="/simulator/transcripts")
    blueprint.register_error_handler(UnplayableError, _refuse)
    blueprint.register_error_handler(ValidationError, _refuse_body)

    @blueprint.post("")
    def record() -> Answer:
        return Response(run("play", "--leave-out", script=recording.script(services)), 201, mimetype="text/plain")

    @blueprint.get("")
    def names() -> Answer:
        return jsonify(data=sorted(file.stem for file in TESTS.glob("*.txt")), is_checkout=TESTS.is_dir())

    @blueprint.get("/<name>")
    def read(name: str) -> Answer:
        file = TESTS / f"{name}.txt"
        if not re.fullmatch(NAME, name) or not file.is_file():
            return jsonify(detail="There is no such transcript."), 404
        return Response(file.read_text(), mimetype="text/plain")

    @blueprint.post("/compare")
    def compare() -> Answer:
        return jsonify(parts=json.loads(run("diff", "--json", script=_asked().text)))

    @blueprint.post("/saved")
    def save() -> Answer:
        asked = _asked()
        if not TESTS.is_dir():
            return jsonify(detail="This is no checkout: there is no folder tests/transcripts."), 409
        try:
            with (TESTS / f"{asked.name}.txt").open("x") as file:
                file.write(asked.text)
        except FileExistsError:
            return jsonify(detail="There is a transcript of this name already."), 409
        return jsonify(path=f"tests/transcripts/{asked.name}.txt"), 201

    return blueprint


def _asked() -> Transcript:
    """The body; only as JSON, which the page of another origin cannot send."""
    if not request.is_json:
        abort(415)
    return Transcript.model_validate_json(request.get_data())


def _refuse_body(error: ValidationError) -> Answer:
    return jsonify(detail=problems.not_valid(error.errors()).detail), 400


def _refuse(error: UnplayableError) -> Answer:
    return jsonify(detail=str(error)), 422

"""`/simulator/gallery`: every screen of every dialogue with the longest data, in each language and on each handset.

`?dialogue=join&language=sw&handset=basic` shows a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask import Blueprint, Flask, render_template, request

from bot.services import Services
from bot.simulator import sizes
from bot.simulator.shots import Album, Shot

HANDSETS = {"choices": "96 × 65", "basic": "128 × 160", "kaios": "240 × 320 (KaiOS)"}
"""The handsets of the page, as `handset.css` names them, and their screens in pixels."""
PREFIX = "CON "
"""What is counted with each screen; `END ` is as long."""


class ShownShot(NamedTuple):
    """A screen, and what it takes of what a call or a text carries."""

    shot: Shot
    size: sizes.Size


class DialogueShots(NamedTuple):
    """The screens of a dialogue in one language."""

    dialogue: str
    language: str
    language_name: str
    shots: Sequence[ShownShot]


def install(app: Flask, services: Services) -> None:
    """Add the page, to which the page of the phones then links; the dialogues and languages are those of `services`."""
    runner, percent = services.conversation.runner, services.settings.commission_percent
    names = dict(runner.place.languages)
    albums = {code: Album(runner.engine, runner.place, code, percent) for code in names}
    blueprint = Blueprint("simulator_gallery", __name__, url_prefix="/simulator")

    def parts(dialogue: str, language: str) -> Iterator[DialogueShots]:
        dialogues = next(iter(albums.values())).by_flow
        for flow in dialogues if dialogue not in dialogues else [dialogue]:
            for code in albums if language not in albums else [language]:
                shown = [ShownShot(shot, _size(shot)) for shot in albums[code].by_flow[flow]]
                yield DialogueShots(flow, code, names[code], shown)

    @blueprint.get("/gallery")
    def gallery() -> str:
        chosen = {name: request.args.get(name, "") for name in ("dialogue", "language", "handset")}
        handsets = {name: of for name, of in HANDSETS.items() if chosen["handset"] in (name, "")} or HANDSETS
        shown = list(parts(chosen["dialogue"], chosen["language"]))
        return render_template(
            "simulator/gallery.html",
            parts=shown,
            handsets=handsets,
            count=sum(len(part.shots) for part in shown) * len(handsets),
            chosen=chosen,
            choices={
                "dialogue": {flow: flow for flow in next(iter(albums.values())).by_flow},
                "language": names,
                "handset": HANDSETS,
            },
        )

    app.register_blueprint(blueprint)
    app.jinja_env.globals["gallery"] = "simulator_gallery.gallery"


def _size(shot: Shot) -> sizes.Size:
    return sizes.of_text(shot.text) if shot.is_text else sizes.of_screen(PREFIX + shot.text)

"""The dialogues in the console: each drawn, and in words.

GET /operator/dialogues                    all dialogues, with the words that open them
GET /operator/dialogues/<name>?language=   one: its picture, and each state with its words and what leads on
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request

from bot.messaging import rendering
from bot.messaging.rendering import language_names
from bot.web.operator import flow_picture
from bot.web.operator.access import resources
from flows.dialogues import ENGINE
from flows.kit import Words, versions
from flows.kit.drawing import OUTSIDE, Arrow, arrows, entered
from flows.kit.flow import Flow

dialogues = Blueprint("dialogues", __name__)


@dataclass(frozen=True, slots=True)
class DrawnState:
    """A state of a dialogue: what kind it is, what it says, and the arrows that leave it."""

    name: str
    kind: str
    says: Sequence[str]
    leads: Sequence[Arrow]


@dialogues.get("/dialogues")
def page() -> str:
    keywords: dict[str, list[str]] = {}
    for word, (flow, _) in ENGINE.keywords.items():
        keywords.setdefault(flow.name, []).append(word)
    return render_template("dialogues.html", flows=ENGINE.flows.values(), keywords=keywords)


@dialogues.get("/dialogues/<name>")
def dialogue(name: str) -> str:
    flow = ENGINE.flows.get(name) or abort(404)
    languages = language_names(resources().settings.languages)
    asked = request.args.get("language", "")
    language = asked if asked in dict(languages) else languages[0][0]
    return render_template(
        "dialogue.html",
        flow=flow,
        picture=flow_picture.of_flow(flow),
        states=list(_states(flow, rendering.words(language))),
        others=entered(flow),
        known=ENGINE.flows,
        outside=OUTSIDE,
        box_height=flow_picture.HEIGHT,
        languages=languages,
        language=language,
    )


def _states(flow: Flow, words: Words) -> Iterator[DrawnState]:
    """The beginning, and then each state."""
    leads: dict[str, list[Arrow]] = {}
    for arrow in arrows(flow):
        leads.setdefault(arrow.source, []).append(arrow)
    yield DrawnState("begin", "", [], leads.get(OUTSIDE, []))
    for state in flow.states.values():
        says = [words.text(versions(wording)[0]) for wording in state.messages()]
        yield DrawnState(state.name, type(state).__name__, list(dict.fromkeys(says)), leads.get(state.name, []))

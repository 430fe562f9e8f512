"""The dialogues in the console: each drawn, in words, and with how many people came, left and were refused.

GET /operator/dialogues?days=&of=                       all dialogues, and the states where most people left
GET /operator/dialogues/<name>?language=&days=&of=      one: its picture, and each state with its words and figures

`of` is the language of the people who are counted; without it all are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request

from bot.messaging import rendering
from bot.messaging.rendering import language_names
from bot.web.operator import dialogue_figures, flow_picture
from bot.web.operator.access import reading, resources
from bot.web.operator.dialogue_figures import SPANS, StateFigures
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
    counted = _counted()
    return render_template(
        "dialogues.html",
        flows=ENGINE.flows.values(),
        keywords=keywords,
        worst=dialogue_figures.worst(counted.figures),
        counted=counted,
        languages=_languages(),
    )


@dialogues.get("/dialogues/<name>")
def dialogue(name: str) -> str:
    flow = ENGINE.flows.get(name) or abort(404)
    languages = _languages()
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
        counted=_counted(),
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """Which hops a page shows the figures of, and these figures by dialogue and state."""

    days: int
    of: str
    figures: Mapping[tuple[str, str], StateFigures]
    spans: Sequence[int] = SPANS


def _counted() -> Counting:
    days = int(asked) if (asked := request.args.get("days", "")) in map(str, SPANS) else SPANS[1]
    language = request.args.get("of", "")
    of = language if language in dict(_languages()) else ""
    with reading() as shop:
        return Counting(days, of, dialogue_figures.figures(shop.session.connection(), shop.now.date(), days, of))


def _languages() -> Sequence[tuple[str, str]]:
    return language_names(resources().settings.languages)


def _states(flow: Flow, words: Words) -> Iterator[DrawnState]:
    """The beginning, and then each state."""
    leads: dict[str, list[Arrow]] = {}
    for arrow in arrows(flow):
        leads.setdefault(arrow.source, []).append(arrow)
    yield DrawnState("begin", "", [], leads.get(OUTSIDE, []))
    for state in flow.states.values():
        says = [words.text(versions(wording)[0]) for wording in state.messages()]
        yield DrawnState(state.name, type(state).__name__, list(dict.fromkeys(says)), leads.get(state.name, []))

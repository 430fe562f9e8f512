"""The tour's part of the simulator's page: its words in every language, and what is next.

GET /simulator/tour                         leads to the page with the tour open
GET /simulator/tour/phones                  {"artisan": "+254711000501", "buyer": "+254733000333", "agent": …}
GET /simulator/tour/state?artisan=…&lang=sw {"steps": [{"name": "join", "title": "Amina anajiunga", "is_done": true}],
                                             "next": {"how": "text", "phone": "artisan", "typed": "UZA …", "say": …}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from bot.messaging import rendering
from bot.services import Services
from bot.simulator.page_data import read_msisdn
from bot.simulator.tour import How, NextMove, Phones, Tour
from bot.web import page_language
from bot.web.story import PRODUCT, STEPS, Role, StoryStep
from flows.dialogues import kiosks
from flows.kit import N_, Words

HEADING = N_("From joining to money in two minutes")
BUTTONS = {
    "play": N_("Play it for me"),
    "stop": N_("Stop"),
    "again": N_("Begin again"),
    "close": N_("Close the tour"),
}
LANGUAGE = N_("Language")
# Translators: of a step of the tour
DONE = N_("done")
OWNERS: dict[Role, str] = {
    # Translators: stands where {phone} is
    "artisan": N_("the artisan's phone"),
    "buyer": N_("the buyer's phone"),
    "agent": N_("the kiosk agent's phone"),
}
PRESS = N_("On {phone}, press {button}.")
TYPE = N_("On {phone}, type {typed} and press {button}.")
TEXT = N_("On {phone}, choose {tab}, type {typed} and press {button}.")
ORDER = N_("In the storefront, choose {typed} by Amina, and press {button}.")
PAY = N_("On {phone}, type any PIN, like {typed}, and press {button}.")
PAY_BILL = N_("On {phone}, choose {tab}, type {typed} and {also}, and press {button}.")
WAIT = N_("Wait a moment: a text is on its way.")
END = N_("That is the whole story, on basic phones. Begin again, or try what you like.")
SAID: dict[How, str] = {
    "call": TYPE,
    "text": TEXT,
    "shop": ORDER,
    "prompt": PAY,
    "paybill": PAY_BILL,
    "wait": WAIT,
    "end": END,
    "no_kiosk": kiosks.NO_KIOSK,
}
# what stands on the page's buttons and tabs, which are in English
PRESSED: dict[How, str] = {"shop": "Place order", "prompt": "Pay"}
CHOSEN: dict[How, str] = {"text": "Texts", "paybill": "M-PESA"}


def install(app: Flask, services: Services) -> None:
    """Add the tour, to which the shop's pages then link. It reads our own shop, so there is none with a remote one."""
    if services.marketplace.is_local:
        place = services.conversation.runner.place
        app.register_blueprint(routes(Tour(services), place.languages, place.ussd_code))
        app.jinja_env.globals["tour"] = "simulator_tour.begin"


def routes(tour: Tour, languages: Sequence[tuple[str, str]], ussd_code: str) -> Blueprint:
    """`/simulator/tour` and what is below it. `languages` are codes and own names, in the order they are offered."""
    blueprint = Blueprint("simulator_tour", __name__, url_prefix="/simulator/tour")
    codes = [code for code, _ in languages]

    @blueprint.get("")
    def begin() -> WerkzeugResponse:
        asked = request.args
        return redirect(url_for("simulator.show", lang=asked.get("lang"), pace=asked.get("pace"), _anchor="tour"))

    @blueprint.get("/phones")
    def phones() -> Response | tuple[Response, int]:
        found = tour.phones()
        return jsonify(asdict(found)) if found else (jsonify(detail=kiosks.NO_KIOSK), 409)

    @blueprint.get("/state")
    def state() -> Response:
        words = rendering.words(page_language.requested(codes))
        at = tour.state(
            Phones(*(read_msisdn(request.args.get(role, "")) for role in ("artisan", "buyer", "agent"))), words.language
        )
        return jsonify(
            language=words.language,
            languages=languages,
            words={name: words.text(word) for name, word in (BUTTONS | {"heading": HEADING}).items()},
            labels={"language": words.text(LANGUAGE), "done": words.text(DONE)},
            steps=[_shown(step, words, ussd_code, step.name in at.done) for step in STEPS],
            step=at.step,
            next={**asdict(at.move), "say": say(at.move, words)},
        )

    return blueprint


def say(move: NextMove, words: Words) -> str:
    """What the visitor is told to do."""
    message = PRESS if move.how == "call" and not move.typed else SAID[move.how]
    return words.text(message).format(
        phone=words.text(OWNERS[move.phone]) if move.phone else "",
        typed=words.text(PRODUCT) if move.how == "shop" else move.typed,
        also=move.also,
        tab=CHOSEN.get(move.how, ""),
        button="Call" if message == PRESS else PRESSED.get(move.how, "Send"),
    )


def _shown(step: StoryStep, words: Words, ussd_code: str, is_done: bool) -> dict[str, Any]:
    text = step.text if ussd_code or not step.by_text else step.by_text
    return {
        "name": step.name,
        "title": words.text(step.title),
        "text": words.text(text).format(ussd_code=ussd_code),
        "is_done": is_done,
    }

"""`/how`: the story of one basket in still pictures of phones, in every language. It needs no simulator and no script.

`?lang=sw` chooses the language; without it, it is the browser's. The pictures are HTML, and nothing comes from another
host, so a page that was saved still shows everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from flask import Blueprint, render_template

from bot.messaging import rendering
from bot.web import page_language
from bot.web.story import INTRODUCTION, TITLE, TYPES, BasketStory, ToldStep
from flows.kit import N_, DialogueEngine, Place

PLAY_IT = N_("Play it yourself")
TO_THE_SHOP = N_("See the shop")


def routes(engine: DialogueEngine, place: Place, commission_percent: int) -> Blueprint:
    """`/how`. The dialogues of `engine` are played for it, once for each language."""
    blueprint = Blueprint("how", __name__)
    languages = [code for code, _ in place.languages]

    def story(language: str) -> BasketStory:
        return BasketStory(engine, place, language, commission_percent)

    @cache
    def steps(language: str) -> Sequence[ToldStep]:
        return story(language).steps()

    @blueprint.get("/how")
    def how() -> str:
        words = rendering.words(page_language.requested(languages))
        return render_template(
            "how.html",
            words=words,
            title=words.text(TITLE),
            introduction=words.text(INTRODUCTION),
            steps=steps(words.language),
            people=story(words.language).people(),
            types=words.text(TYPES),
            play_it=words.text(PLAY_IT),
            to_the_shop=words.text(TO_THE_SHOP),
            languages=place.languages,
        )

    return blueprint

"""`/how` tells the story in every language, with the texts of the dialogues, and needs nothing from anywhere else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import locales
from bot.messaging import rendering
from bot.web.story import BasketStory, CallPicture, ShopPicture, TextsPicture, ToldStep
from flows.dialogues import ENGINE
from flows.dialogues.home import is_new
from flows.kit import DialogueEngine, Enter, Flow, Go, Menu, Option, Place
from tests.bot.web.test_pages import production  # noqa: F401 - a fixture
from tests.service import Service

PLACE = Place("KE", "KES", rendering.language_names(locales.available()), "*384*22#", "22384")


def told(language: str = "en", place: Place = PLACE, engine: DialogueEngine = ENGINE) -> list[ToldStep]:
    return list(BasketStory(engine, place, language, 10).steps())


def shown(step: ToldStep) -> list[str]:
    """All words on the phones of a step."""
    words: list[str] = []
    for picture in step.pictures:
        match picture:
            case CallPicture(_, text, typed):
                words += [text, typed]
            case TextsPicture(_, texts):
                words += [text.text for text in texts]
            case ShopPicture(title, price):
                words += [title, price]
    return words


@pytest.mark.parametrize(
    ("query", "language", "title", "screen"),
    [
        ("", "en", "How Soko works", "Join Soko. What is your name?"),
        ("?lang=sw", "sw", "Soko inavyofanya kazi", "Jiunge na Soko. Jina lako ni nani?"),
        ("?lang=fr", "fr", "Comment marche Soko", "Quel est votre nom ?"),
        ("?lang=am", "am", "ሶኮ እንዴት ይሠራል?", "ሶኮ ምዝገባ።"),
    ],
)
def test_the_page_tells_the_story_in_each_language(
    embedded: Service, query: str, language: str, title: str, screen: str
) -> None:
    page = embedded.http.get(f"/how{query}").get_data(as_text=True)
    assert f'<html lang="{language}">' in page
    assert f"<h1>{title}</h1>" in page
    assert screen in page
    assert page.count('<figure class="still') == 18


def test_the_page_asks_no_other_host_and_has_no_script(embedded: Service) -> None:
    page = embedded.http.get("/how").get_data(as_text=True)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(addresses) > 5
    assert [address for address in addresses if not re.match(r"[/?](?!/)", address)] == []
    assert "<script" not in page


def test_the_shop_window_leads_to_the_story_in_production_too(production) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    window = production.get("/").get_data(as_text=True)
    assert '<a href="/how?lang=en">See how Soko works</a>' in window
    page = production.get("/how").get_data(as_text=True)
    assert "Amina joins" in page
    assert "simulator" not in page


@pytest.mark.parametrize("language", locales.available())
def test_the_story_goes_from_joining_to_money_in_what_a_call_carries(language: str) -> None:
    steps = told(language)
    assert [step.name for step in steps] == ["join", "sell", "order", "accept", "receive", "paid"]
    first, *_, last = steps
    assert shown(first)[0].startswith("Karibu Soko!")
    assert rendering.words(language).money(1350_00, "KES") in shown(last)[-1]


@pytest.mark.parametrize("language", locales.available())
def test_where_nobody_can_dial_the_story_is_told_by_text(language: str) -> None:
    steps = told(language, replace(PLACE, ussd_code=""))
    assert all(isinstance(picture, TextsPicture | ShopPicture) for step in steps for picture in step.pictures)
    assert [step for step in steps if "{" in step.text or "*384" in " ".join([step.text, *shown(step)])] == []


def test_the_pictures_show_the_dialogues_as_they_are() -> None:
    """A menu that has changed changes the pictures, and one that leads elsewhere stops the story."""
    changed = Menu("visitor", "Anything new?", Option("Join as an artisan", "end"), Option("Help", "end"))
    home = Flow("home", changed, Menu("end", "Bye."), start=[Go(Enter("language"), when=is_new), Go("visitor")])
    engine = DialogueEngine(home, *(flow for name, flow in ENGINE.flows.items() if name not in ("home", "noted")))
    with pytest.raises(RuntimeError, match=r"the story stops at call\.requested"):
        told(engine=engine)

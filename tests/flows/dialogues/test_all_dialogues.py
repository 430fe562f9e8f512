"""All dialogues from end to end: in every language, on every channel, with the longest data the checks allow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from random import Random

import pytest

from bot.messaging import consent, rendering
from flows.dialogues import ENGINE
from flows.kit import USSD, Ask, Channel, Flow
from flows.kit.conversation import Guess
from flows.reading.answers import yes_no
from tests import runs
from tests.flows.dialogues import invariants
from tests.flows.dialogues.exploration import (
    CHANNELS,
    LANGUAGES,
    PLACE,
    SEARCHED,
    all_screens,
    people,
    repeat_search,
    screen_key,
    search_all,
    uses_language,
)
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import FakePhone

LATIN = [code for code in LANGUAGES if rendering.words(code).latin]


def each(*languages: str) -> pytest.MarkDecorator:
    """The test for each of these languages, on each channel."""
    return _parametrized(product(languages, CHANNELS))


def some(*languages: str, least: int = 2) -> pytest.MarkDecorator:
    """The test for all of these pairs in a full run, else for two of them or `least`, others with another seed."""
    return _parametrized(runs.some_of(product(languages, CHANNELS), least))


def _parametrized(pairs: Iterable[tuple[str, Channel]]) -> pytest.MarkDecorator:
    cases = [pytest.param(*pair, id=f"{pair[0]}-{pair[1].name}") for pair in pairs]
    return pytest.mark.parametrize(("language", "channel"), cases)


# Invariants.


@some(*LANGUAGES, least=4)
def test_every_screen_fits_with_the_longest_data_there_can_be(language: str, channel: Channel) -> None:
    assert invariants.too_long(all_screens(language, channel)) == []


def test_every_state_is_reached() -> None:
    phones = [phone for channel in CHANNELS for phone in all_screens("en", channel)]
    assert invariants.unreached_states(ENGINE, phones) == []


@each(*LATIN)
def test_a_language_in_latin_letters_stays_gsm7(language: str, channel: Channel) -> None:
    phones = [phone for phone in all_screens(language, channel) if uses_language(phone, language)]
    assert invariants.outside_gsm7(phones) == []


@each("en")
def test_home_is_one_step_from_everywhere_and_going_back_leads_there(language: str, channel: Channel) -> None:
    """A usual run tries a tenth of the screens, others with another seed."""
    assert invariants.no_way_home(runs.some_of(all_screens(language, channel))) == []


@some(*LANGUAGES)
def test_any_input_is_answered_by_a_screen_that_fits(language: str, channel: Channel) -> None:
    assert invariants.unanswered_input(all_screens(language, channel)) == []


@each("en")
def test_two_wrong_answers_in_a_row_lead_to_the_offer_of_a_call_everywhere(language: str, channel: Channel) -> None:
    assert invariants.no_callback_offered(all_screens(language, channel)) == []


def test_hostile_inputs_are_many() -> None:
    assert len(set(invariants.HOSTILE)) > 40


@some(*LANGUAGES)
def test_after_a_dropped_call_a_call_or_a_text_continues_with_all_answers(language: str, channel: Channel) -> None:
    assert invariants.lost_by_a_dropped_call(all_screens(language, channel)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guess_of_any_line_on_offer_can_be_asked_back(language: str) -> None:
    phones = all_screens(language, USSD)
    offered = {choice.label: (phone, choice) for phone in phones for choice in phone.conversation.choices}
    for phone, choice in offered.values():
        turn = phone.turn()
        turn.conversation.guess = Guess(choice.value, choice.label)
        assert ENGINE.screen(turn).fits(USSD), choice.label


@pytest.mark.parametrize("language", LANGUAGES)
def test_yes_and_no_are_understood_as_they_are_written(language: str) -> None:
    words = rendering.words(language)
    assert yes_no(words.text("Yes")).value is True
    assert yes_no(words.text("No")).value is False


def test_every_conversation_goes_on_when_its_subject_no_longer_exists() -> None:
    """A usual run tries a tenth of the screens, others with another seed."""
    for phone in runs.some_of(phone for phone in all_screens("en", USSD) if not phone.conversation.over):
        for typed in ("1", "2", "3", "?", "98", "0"):
            assert invariants.fits(invariants.after(emptied(phone), typed)), phone.position
        redialled = emptied(phone)
        redialled.drops_and_dials()
        assert invariants.fits(invariants.after(redialled, "1")), phone.position


def emptied(phone: FakePhone) -> FakePhone:
    """The same phone, after all products, orders and kiosks are gone."""
    other = phone.copy()
    other.marketplace = FakeMarketplace(phone.marketplace.person)
    return other


# The search itself.

SAMPLE = Random(runs.seed())
"""A usual run tries a random language, channel and person; a run with --full tries all of them."""
REPEATED = [pair for pair in product(LANGUAGES, CHANNELS) if pair != SEARCHED]


@pytest.mark.parametrize(
    ("language", "channel"),
    SAMPLE.sample(REPEATED, runs.cases(len(REPEATED))),
    ids=lambda case: getattr(case, "name", case),
)
def test_the_keys_that_find_all_screens_of_a_call_in_english_find_them_everywhere(
    language: str, channel: Channel
) -> None:
    chosen = sorted(SAMPLE.sample(range(len(people("en"))), runs.cases(len(people("en")))))
    english, persons = ([people(code)[number] for number in chosen] for code in (SEARCHED[0], language))
    repeated = repeat_search(search_all(*SEARCHED, english), persons, language, channel)
    known = {screen_key(phone) for phone in repeated}
    found = [one.phone for one in search_all(language, channel, persons) if uses_language(one.phone, language)]
    assert [f"{phone.position}: {phone.shown}" for phone in found if screen_key(phone) not in known] == []


# Keywords. CANCEL needs a code: alone it means STOP.


def test_no_keyword_is_a_word_for_stop_or_start() -> None:
    assert [word for word in ENGINE.keywords if consent.requested(word) and ENGINE.match_keyword(word, PLACE)] == []


@pytest.mark.parametrize("word", [word for word in ENGINE.keywords if word != "CANCEL"])
def test_every_keyword_alone_opens_its_flow(word: str) -> None:
    flow, _ = ENGINE.keywords[word]
    for written in (word, word.lower(), f" {word}: ", word.replace(" ", "  ")):
        match = ENGINE.match_keyword(written, PLACE)
        assert match, written
        assert match[0] == flow.name


@pytest.mark.parametrize("flow", ENGINE.flows.values(), ids=lambda flow: flow.name)
def test_every_question_for_free_text_knows_its_longest_answer(flow: Flow) -> None:
    assert [state.name for state in flow.states.values() if isinstance(state, Ask) and not state.check] == []

"""The dialogues in the console: every one is drawn, its boxes do not overlap, and the words say the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from bot.conversation.hop_counts import AnsweredState, StateName
from bot.web.operator import dialogue_figures, flow_picture
from bot.web.operator.dialogue_figures import StateFigures
from bot.web.operator.flow_picture import GAP, HEIGHT
from flows.dialogues import ENGINE
from flows.kit.drawing import OUTSIDE, arrows, entered
from tests.bot.conversation.test_hop_counts import counts_of
from tests.bot.web.operator.visitor import logged_in, title, words
from tests.runs import some_of
from tests.service import Service

DIALOGUES = "/operator/dialogues"


def test_every_flow_is_drawn_whole_and_no_box_is_on_another() -> None:
    for flow in ENGINE.flows.values():
        picture = flow_picture.of_flow(flow)
        assert {box.node for box in picture.boxes} == {OUTSIDE, *flow.states, *entered(flow)}
        assert len(picture.lines) == sum(arrow.dest != OUTSIDE for arrow in arrows(flow))
        assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)
        assert all(box.y >= 0 and box.y + HEIGHT <= picture.height for box in picture.boxes)
        for one, other in combinations(picture.boxes, 2):
            is_apart = one.x + one.width + GAP <= other.x or other.x + other.width + GAP <= one.x
            assert one.y != other.y or is_apart, (flow.name, one, other)


def test_a_dialogue_is_shown_with_its_words_and_what_leads_on(embedded: Service) -> None:
    visitor = logged_in(embedded, "desk")
    said = words(visitor.get(DIALOGUES))
    assert all(name.replace("_", " ") in said for name in ENGINE.flows)
    assert "SELL" in said
    for name in some_of(ENGINE.flows, least=3):
        page = visitor.get(f"{DIALOGUES}/{name}")
        assert title(page) == name.replace("_", " ").capitalize()
        assert "<svg" in page.text
    said = words(visitor.get(f"{DIALOGUES}/sell"))
    assert "price AskMoney" in said
    assert "What kind of product is it?" in said
    assert "if is_dear: dear" in said
    assert "the conversation ends" in said
    assert "What kind of product is it?" not in words(visitor.get(f"{DIALOGUES}/sell?language=sw"))
    assert "What kind of product is it?" in words(visitor.get(f"{DIALOGUES}/sell?language=xx"))
    assert visitor.get(f"{DIALOGUES}/nothing").status_code == 404


def test_the_states_where_most_people_left_or_were_refused_are_listed_by_language(embedded: Service) -> None:
    price, category, counts = StateName("sell", "price"), StateName("sell", "category"), counts_of(embedded)
    for _ in range(3):
        counts.note("ussd", "sw", price, None, ends=False)
    counts.note("ussd", "sw", category, AnsweredState(price, is_refused=False), ends=False)
    counts.note("ussd", "fr", price, AnsweredState(price, is_refused=True), ends=False)
    counts.write()
    visitor = logged_in(embedded, "read")

    found = [(figure.state, figure.came, figure.left, figure.refused) for figure in worst_of(embedded)]
    assert found == [("price", 3, 2, 1), ("category", 1, 1, 0)]
    assert "sell: price 3 2 1" in words(visitor.get(DIALOGUES))
    assert "sell: price 3 2 0" in words(visitor.get(f"{DIALOGUES}?of=sw"))
    assert "3 came, 1 answered, 2 left, 1 refused" in words(visitor.get(f"{DIALOGUES}/sell"))
    embedded.clock.advance(7 * 86_400)
    visitor = logged_in(embedded, "read")
    assert "Nobody did" in words(visitor.get(f"{DIALOGUES}?days=7"))
    assert "sell: price 3 2 1" in words(visitor.get(f"{DIALOGUES}?days=30"))


def worst_of(service: Service) -> Sequence[StateFigures]:
    with service.services.database.reading() as session:
        return dialogue_figures.worst(dialogue_figures.figures(session.connection(), service.clock().date(), 7))

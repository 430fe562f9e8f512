"""Two requests of one phone end as if one had come after the other, in every order of their steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

import pytest
from sqlalchemy import func, select

from bot.conversation import session as sessions
from bot.conversation.claims import LEASE_S
from bot.simulator.gateway import Gateway
from flows.kit import Conversation
from marketplace_api.models import Artisan, Event, Product
from tests.bot.conversation.interleaving import Schedule, SteppedSessions, schedules
from tests.bot.fixtures import (
    add_artisan,
    add_product,
    choose_language,
    order_status,
    outgoing_messages,
    place_order,
    second_process,
)
from tests.runs import is_full, seed
from tests.service import Service

SAMPLE = 3
"""A usual run tries so many orders of steps of each pair, a full run all of them."""
LAMP = "Oil lamp"
UP_TO_REVIEW = ("1", LAMP, "6", "900", "5")

numbers = count(1)


@dataclass
class ComparedPhone:
    """A phone, which sends each text under an id of its own. What it got is compared without its codes and names."""

    service: Service
    gateway: Gateway
    number: int = field(default_factory=lambda: next(numbers))
    order: Mapping[str, str] = field(default_factory=dict)

    @property
    def msisdn(self) -> str:
        return f"+2547130{self.number:05}"

    def text(self, body: str, id: str = "") -> str:
        """Send a text; the HTTP status of the answer."""
        return str(self.gateway.text(self.msisdn, body, id=f"{id or body} {self.number}"))

    def hop(self, text: str, call: str = "first") -> str:
        """Post a hop of a call; the screen."""
        return self.gateway.post_ussd(f"{call} {self.number}", self.msisdn, "*384*22#", text)

    def call_up_to_review(self) -> None:
        """Begin a sale by call, as far as its confirmation."""
        for answers in range(len(UP_TO_REVIEW) + 1):
            self.hop("*".join(UP_TO_REVIEW[:answers]))

    def text_up_to_review(self) -> None:
        """Begin a sale by text, as far as its confirmation."""
        self.text(f"SELL {LAMP} 900 x5")
        self.text("6")

    def without_codes(self, said: str) -> str:
        """What was said, with the same word for every code."""
        return re.sub(r"\b(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z\d]{4,}\b", "CODE", said.replace(self.title, "the pot"))

    @property
    def title(self) -> str:
        return f"Pot no {self.number}"


Action = Callable[[ComparedPhone], str]


@dataclass(frozen=True)
class RequestPair:
    """Two requests that meet, and what came before. With `joins` the phone is one that nobody knows yet."""

    first: Action
    second: Action
    before: Callable[[ComparedPhone], None] = lambda person: None
    joins: bool = False


def texted(body: str, id: str = "") -> Action:
    return lambda person: person.text(body, id)


def confirmed(person: ComparedPhone) -> str:
    return person.hop("*".join((*UP_TO_REVIEW, "1")))


PAIRS: Mapping[str, RequestPair] = {
    "yes, and a keyword": RequestPair(texted("yes"), texted("MENU"), ComparedPhone.text_up_to_review),
    "yes, and no": RequestPair(texted("yes"), texted("no"), ComparedPhone.text_up_to_review),
    "yes, twice": RequestPair(texted("yes", "yes 1"), texted("yes", "yes 2"), ComparedPhone.text_up_to_review),
    "one yes, delivered twice": RequestPair(texted("yes"), texted("yes"), ComparedPhone.text_up_to_review),
    "yes, and stop": RequestPair(texted("yes"), texted("STOP"), ComparedPhone.text_up_to_review),
    "two first texts": RequestPair(texted("JOIN Beatrice"), texted("CALL"), joins=True),
    "a command by call, and one by text": RequestPair(
        confirmed, lambda person: person.text(f"YES {person.order['code']}"), ComparedPhone.call_up_to_review
    ),
    "a command by call, and the call is continued by text": RequestPair(
        confirmed, texted("MORE"), ComparedPhone.call_up_to_review
    ),
    "one hop, posted twice": RequestPair(confirmed, confirmed, ComparedPhone.call_up_to_review),
    "a command by call, and a newer call": RequestPair(
        confirmed, lambda person: person.hop("", "second"), ComparedPhone.call_up_to_review
    ),
    "a menu, and a text": RequestPair(
        lambda person: person.hop("3"), texted("yes"), lambda person: [person.hop(""), person.text_up_to_review()][0]
    ),
}


@dataclass(frozen=True)
class PairResult:
    """What the two requests were answered, and what is true after them."""

    answers: tuple[str, str]
    texts: Sequence[str]
    events: Sequence[str]
    lamps: int
    order: str
    session: Sequence[object]


class PairRunner:
    """The shop, a second process that stops at its session store, and a new phone for every run."""

    def __init__(self, service: Service) -> None:
        self.service, self.stepped = service, SteppedSessions(service.services.sessions)
        self.gateway = second_process(service, sessions=self.stepped, pause=self.stepped.pause)
        (kiosk,) = service.api("GET", "/kiosks")["data"]
        self._kiosk_id = kiosk["id"]

    def play(self, pair: RequestPair, schedule: Schedule) -> PairResult:
        """The result of the two requests with their steps in this order."""
        return self._result(
            pair,
            lambda first, second: self.stepped.play(
                schedule, first, second, lambda: self.service.clock.advance(LEASE_S + 0.1)
            ),
        )

    def serial(self, pair: RequestPair) -> Sequence[PairResult]:
        """The results of the two requests one after the other, in both orders."""

        def reversed_order(first: Callable[[], str], second: Callable[[], str]) -> tuple[str, str]:
            second_answer = second()
            return first(), second_answer

        return [self._result(pair, lambda first, second: (first(), second())), self._result(pair, reversed_order)]

    def _person(self, pair: RequestPair) -> ComparedPhone:
        person = ComparedPhone(self.service, self.gateway)
        if pair.joins:
            return person
        add_artisan(self.service, person.msisdn, "Akinyi Ouma", self._kiosk_id)
        add_product(self.service, person.msisdn, person.title)
        choose_language(self.service, "en", person.msisdn)
        return replace(person, order=place_order(self.service, title=person.title))

    def _result(
        self, pair: RequestPair, run: Callable[[Callable[[], str], Callable[[], str]], tuple[str, str]]
    ) -> PairResult:
        person = self._person(pair)
        pair.before(person)
        texts_before, events_before = self._texts(person), self._events()
        answers = run(lambda: pair.first(person), lambda: pair.second(person))
        return PairResult(
            (person.without_codes(answers[0]), person.without_codes(answers[1])),
            [person.without_codes(text) for text in self._texts(person)[len(texts_before) :]],
            self._events()[len(events_before) :],
            self._lamps(person),
            order_status(self.service, person.order) if person.order else "",
            self._session(person),
        )

    def _texts(self, person: ComparedPhone) -> Sequence[str]:
        return [message.text for message in outgoing_messages(self.service, person.msisdn)]

    def _events(self) -> Sequence[str]:
        with self.service.services.database.reading() as session:
            return list(session.scalars(select(Event.type).order_by(Event.seq)))

    def _lamps(self, person: ComparedPhone) -> int:
        """How many products with the title of the sale the phone has."""
        with self.service.services.database.reading() as session:
            of_person = select(func.count()).select_from(Product).join(Artisan)
            return session.scalar(of_person.where(Artisan.msisdn == person.msisdn, Product.title == LAMP)) or 0

    def _session(self, person: ComparedPhone) -> Sequence[object]:
        """Where the conversations of a phone are; ids and codes are left out."""
        now = self.service.clock().timestamp()
        session = sessions.read(self.service.services.sessions.load(person.msisdn, now))
        assert session
        conversations = (session.by_call, session.by_text, session.suspended)
        # of a text only a digest of its answer is kept, which differs with the codes in the answer
        replies = sorted(
            "an answer by text" if re.fullmatch("[0-9a-f]{8}", reply) else person.without_codes(reply)
            for reply in session.replies.values()
        )
        return (
            *(_position(conversation) for conversation in conversations),
            session.call and session.call.consumed,
            len(session.earlier_calls),
            replies,
        )


def _position(conversation: Conversation | None) -> object:
    return conversation and (conversation.flow, conversation.state, conversation.trail, conversation.over)


@pytest.mark.parametrize("pair", list(PAIRS))
def test_two_requests_of_one_phone_end_as_one_after_the_other(service: Service, pair: str) -> None:
    runner = PairRunner(service)
    serial = runner.serial(PAIRS[pair])
    every = list(schedules())
    for schedule in every if is_full() else Random(f"{seed()} {pair}").sample(every, SAMPLE):
        assert runner.play(PAIRS[pair], schedule) in serial, "".join(schedule)

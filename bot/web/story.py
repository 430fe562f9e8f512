"""The story of one basket, from joining to money: its steps in words, and the screens and texts of each step.

The screens are no copies. The dialogues themselves are played, with a shop of one order that is kept in memory:

    BasketStory(engine, place, "sw", 10).steps()
    [ToldStep("join", "Amina anajiunga", "…", (CallPicture("artisan", "Karibu Soko!…", "2"), …)), …]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from msgspec import structs

from bot.messaging import rendering
from bot.notifications import purchases, templates
from flows.commands import ChooseLanguage, Command, ListProduct, Outcome, RegisterArtisan
from flows.kit import N_, SMS, USSD, Channel, Conversation, DialogueEngine, Person, Place, Turn, Wording, Words
from flows.market import KioskSummary, Market, OrderSummary
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.shares import split

Role = Literal["artisan", "buyer", "agent"]
StepName = Literal["join", "sell", "order", "accept", "receive", "paid"]

TITLE = N_("How Soko works")
INTRODUCTION = N_(
    "A basic phone, without internet and without a bank account, is enough to sell to the world. "
    "This is the story of one basket, on the phones of the people in it."
)
PEOPLE: Mapping[Role, str] = {
    # Translators: the person whose phone is shown; a caption under its picture
    "artisan": N_("Amina, artisan"),
    "buyer": N_("Joy, buyer"),
    "agent": N_("Otieno, kiosk agent"),
}
# Translators: stands before what a person types on a phone
TYPES = N_("Answer:")


@dataclass(frozen=True, slots=True)
class StoryStep:
    """A step of the story: its title, what happens, and what happens where nobody can dial."""

    name: StepName
    title: str
    text: str
    by_text: str = ""


STEPS = (
    StoryStep(
        "join",
        N_("Amina joins"),
        N_(
            "Amina makes baskets. She dials {ussd_code} on her phone. A menu appears, and she answers with the number "
            "of a line."
        ),
        N_("Amina makes baskets. She texts Soko, and answers each question with the number of a line."),
    ),
    StoryStep(
        "sell",
        N_("She sells"),
        N_("One text says what she sells, at what price, and how many she has. Her basket is in the shop at once."),
    ),
    StoryStep(
        "order",
        N_("Joy orders and pays"),
        N_("Joy sees the basket in the shop on the internet. She orders it, and pays with her phone."),
    ),
    StoryStep(
        "accept",
        N_("Amina says yes"),
        N_("A text tells Amina about the order. She answers YES with its code, and Joy gets a text."),
    ),
    StoryStep(
        "receive",
        N_("The kiosk receives the basket"),
        N_(
            "Amina brings the basket to the kiosk near her. Otieno works there: he types the order's code, and how "
            "many came. Then the kiosk sends the basket to Joy."
        ),
    ),
    StoryStep(
        "paid",
        N_("Amina is paid"),
        N_("The money comes to her phone at once. She needed no internet and no bank account."),
    ),
)

ARTISAN, AGENT_NAME = "Amina", "Otieno"
# Translators: the name of a product, as an artisan types it on a phone with buttons
PRODUCT = N_("kiondo basket")
PRICE, PIECES = "1500", 1
ORDER, PRODUCT_CODE = "K7P4", "M8Q4"
BUYERS_RECEIPT, ARTISANS_RECEIPT = "TL17RG6IPD", "TL18QB2MXA"
KIOSKS = (
    KioskSummary("1", "Lakeside Kiosk", "Kisumu"),
    KioskSummary("2", "Old Town Kiosk", "Mombasa"),
    KioskSummary("3", "Seafront Kiosk", "Lamu"),
)
MOST_HOPS = 12


@dataclass(frozen=True, slots=True)
class CallPicture:
    """A screen of a call, without its prefix, and what is typed next; nothing after the last one."""

    who: Role
    text: str
    typed: str


@dataclass(frozen=True, slots=True)
class StoryText:
    """A text on somebody's phone; `is_own` if its owner has sent it."""

    text: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class TextsPicture:
    """TextsPicture on one phone, the oldest first."""

    who: Role
    texts: Sequence[StoryText]


@dataclass(frozen=True, slots=True)
class ShopPicture:
    """The product in the shop on the internet."""

    title: str
    price: str


Picture = CallPicture | TextsPicture | ShopPicture


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A step in one language, with the pictures of its phones."""

    name: StepName
    title: str
    text: str
    pictures: Sequence[Picture]


@dataclass(slots=True)
class ShopOfOneOrder:
    """What the dialogues of the story read from a marketplace: crafts, kiosks, and the order for the basket."""

    commission_percent: int
    product: ListProduct | None = None

    def earns(self, price: int) -> int:
        return split(price, 1, self.commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return list(CATEGORIES.items())

    def kiosks(self) -> Sequence[KioskSummary]:
        return KIOSKS

    def orders(self) -> Sequence[OrderSummary]:
        return [self.order()]

    def expected(self, _code: str) -> Sequence[OrderSummary]:
        return [self.order()]

    def order(self) -> OrderSummary:
        product = cast("ListProduct", self.product)
        earns = split(product.price, PIECES, self.commission_percent).earns
        return OrderSummary(ORDER, product.title, PIECES, earns, "placed", ARTISAN, KIOSKS[0].name, part=1)


@dataclass(slots=True)
class BasketStory:
    """The story in one language. The phones dial where there is a service code, else they text."""

    engine: DialogueEngine
    place: Place
    language: str
    commission_percent: int
    shop: ShopOfOneOrder = field(init=False)

    def __post_init__(self) -> None:
        self.shop = ShopOfOneOrder(self.commission_percent)

    def steps(self) -> Sequence[ToldStep]:
        """All steps. Raises RuntimeError if a dialogue does not end as the story says."""
        tell: Mapping[StepName, Callable[[], Iterator[Picture]]] = {
            "join": self._join,
            "sell": self._sell,
            "order": self._order,
            "accept": self._accept,
            "receive": self._receive,
            "paid": self._paid,
        }
        # a later step shows what an earlier one has put on sale, so the order matters
        return [ToldStep(step.name, *self._words(step), tuple(tell[step.name]())) for step in STEPS]

    def people(self) -> Mapping[Role, str]:
        """The caption of each person's phone."""
        return {role: self.say(name) for role, name in PEOPLE.items()}

    def say(self, message: str, **values: object) -> str:
        return rendering.words(self.language).text(message).format_map(values)

    def _words(self, step: StoryStep) -> tuple[str, str]:
        text = step.text if self.place.ussd_code or not step.by_text else step.by_text
        return self.say(step.title), self.say(text, ussd_code=self.place.ussd_code)

    # -- the steps

    def _join(self) -> Iterator[Picture]:
        answers = [ARTISAN, "1", "1", "1"]
        if not self.place.ussd_code:
            yield self._by_text(self._amina(), f"JOIN {ARTISAN}", answers[1:], ends_at="join.joined")
            return
        number = [code for code, _ in self.place.languages].index(self.language) + 1
        caller = structs.replace(self._amina(), language=None)
        yield from self._by_call("artisan", caller, [str(number), "1", *answers], ends_at="join.joined")

    def _sell(self) -> Iterator[Picture]:
        text = f"{keyword_for(self.engine, 'sell', rendering.words(self.language))} {self.say(PRODUCT)} {PRICE} x3"
        artisan = structs.replace(self._amina(), artisan=True)
        yield self._by_text(artisan, text, ["1", "1"], ends_at="sell.listed")
        product = self._product()
        yield ShopPicture(product.title, self._money(product.price))

    def _order(self) -> Iterator[Picture]:
        total = self._money(self._product().price * PIECES)
        paid = self._text(purchases.RECEIVED_BY_MPESA, amount=total, reference=BUYERS_RECEIPT, code=ORDER)
        yield TextsPicture("buyer", [paid])

    def _accept(self) -> Iterator[Picture]:
        offer = self._text(templates.OFFER, **self._order_fields())
        artisan = structs.replace(self._amina(), artisan=True)
        answered = self._by_text(artisan, f"YES {ORDER}", [], ends_at="accept.accepted")
        yield TextsPicture("artisan", [offer, *answered.texts])
        yield TextsPicture("buyer", [self._text(templates.ACCEPTED, **self._order_fields())])

    def _receive(self) -> Iterator[Picture]:
        agent = Person("+254722000222", self.language, AGENT_NAME, agent=True, kiosk=KIOSKS[0].name)
        answers, last = ["1", ORDER, "1", "1"], "receive.received"
        if self.place.ussd_code:
            yield from self._by_call("agent", agent, answers, ends_at=last)
        else:
            yield self._by_text(agent, "MENU", answers, ends_at=last, who="agent")

    def _paid(self) -> Iterator[Picture]:
        fields = self._order_fields()
        received = self._text(templates.GOODS_RECEIVED, **fields)
        paid = self._text(templates.PAID, amount=fields["earns"], order=ORDER, reference=ARTISANS_RECEIPT, owed="")
        yield TextsPicture("artisan", [received, paid])

    # -- playing the dialogues

    def _amina(self) -> Person:
        return Person("+254711000101", self.language, ARTISAN)

    def _by_call(self, who: Role, person: Person, answers: Sequence[str], *, ends_at: str) -> Iterator[CallPicture]:
        call = _Talk(self, person, USSD)
        shown = call.open(self.engine.home)
        for typed in answers:
            yield CallPicture(who, shown, typed)
            shown = call.answer(typed)
        call.check(ends_at)
        yield CallPicture(who, shown, "")

    def _by_text(
        self, person: Person, first: str, answers: Sequence[str], *, ends_at: str, who: Role = "artisan"
    ) -> TextsPicture:
        talk = _Talk(self, person, SMS)
        flow, given = self.engine.match_keyword(first, self.place) or (self.engine.home, {})
        texts = [StoryText(first, is_own=True), StoryText(talk.open(flow, given))]
        for typed in answers:
            texts += [StoryText(typed, is_own=True), StoryText(talk.answer(typed))]
        talk.check(ends_at)
        return TextsPicture(who, texts)

    def _product(self) -> ListProduct:
        """The product, which the second step has put on sale."""
        return cast("ListProduct", self.shop.product)

    def _order_fields(self) -> dict[str, object]:
        order = self.shop.order()
        total = self._product().price * order.quantity
        return {
            "code": order.code,
            "quantity": order.quantity,
            "title": order.title,
            "earns": self._money(order.earns),
            "total": self._money(total),
            "artisan": order.artisan,
        }

    def _text(self, wording: Wording, **fields: object) -> StoryText:
        return StoryText(rendering.render_sms(rendering.words(self.language), wording, fields))

    def _money(self, amount: int) -> str:
        return rendering.words(self.language).money(amount, self.place.currency)

    def perform(self, command: Command) -> Outcome:
        """The outcome of what a dialogue does; only a product is kept."""
        if isinstance(command, ListProduct):
            self.shop.product = command
            return Outcome("done", values={"code": PRODUCT_CODE})
        if isinstance(command, ChooseLanguage | RegisterArtisan) or self.shop.product is None:
            return Outcome("done")
        order = self.shop.order()
        return Outcome(
            "done",
            values={
                "code": order.code,
                "title": order.title,
                "quantity": order.quantity,
                "earns": order.earns,
                "kiosk": order.kiosk,
                "artisan": order.artisan,
                "due_on": "",
            },
        )


def keyword_for(engine: DialogueEngine, flow: str, words: Words) -> str:
    """The keyword of a flow in a language, if every phone can type it; else the English one."""
    keyword = engine.flows[flow].keywords[0]
    own = (word for word, language in keyword.languages.items() if language == words.language and word.isascii())
    return next(own, keyword.words[0]) if words.latin else keyword.words[0]


class _Talk:
    """A conversation of one person, by call or by text, in the first language until the person chooses one."""

    def __init__(self, story: BasketStory, person: Person, channel: Channel) -> None:
        self._story, self._engine = story, story.engine
        words = rendering.words(person.language or story.place.languages[0][0])
        market = cast("Market", story.shop)
        self._turn = Turn(Conversation("story"), person, story.place, market, words, channel)

    def open(self, flow: str, given: Mapping[str, str] | None = None) -> str:
        self._engine.open(self._turn, flow, given)
        return self._shown()

    def answer(self, typed: str) -> str:
        if self._turn.conversation.over:
            raise RuntimeError(f"the story stops at {self._here}, where {typed} is no answer")
        self._engine.handle_input(self._turn, typed)
        return self._shown()

    def check(self, ends_at: str) -> None:
        if self._here != ends_at:
            raise RuntimeError(f"the story stops at {self._here}, not at {ends_at}")

    @property
    def _here(self) -> str:
        return f"{self._turn.conversation.flow}.{self._turn.conversation.state}"

    def _shown(self) -> str:
        turn = self._turn
        for _ in range(MOST_HOPS):
            command = self._engine.pending_command(turn)
            if command is None:
                break
            if isinstance(command, ChooseLanguage):
                turn.person = structs.replace(turn.person, language=command.language)
                turn.words = rendering.words(command.language)
            self._engine.apply_outcome(turn, self._story.perform(command))
        channel = self._engine.state(turn.conversation).channel(turn.channel)
        shown = self._engine.screen(turn).render(channel)
        return shown.removeprefix(channel.continue_prefix).removeprefix(channel.end_prefix)

"""What has to hold at every screen of a book. Each law says what is wrong with some phones; nothing, if it is kept.

There is a phone for each screen, as `test_book.walk` gives them. That each law can be broken, and is seen to be, shows
`test_proof`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flows import gsm7
from flows.kit import SMS, USSD, AskPin, Confirm, Conversation, DialogueEngine
from flows.kit.flow import START
from flows.kit.state_kinds.base import StateKind

from .conftest import Phone

Law = Callable[[Iterable[Phone]], list[str]]

HOSTILE = [
    *("", " ", "\n", "\t", "0", "00", "000", "98", "99", "-1", "1.5", "0x1", "1e3", "١", "፩", "²", "½", "1️⃣"),
    *("*", "#", "**", "*384*22#", "1*2", "a*b*c", "null", "None", "true", "undefined", "NaN", "[]", "{}", '""'),
    *("{name}", "{0}", "{turn.market}", "%s", "%(name)s", "${PATH}", "\\n", "\\", "'", "' OR 1=1 --", "<b>1</b>"),
    *("YES", "no", "STOP", "MENU", "SELL", "hapana", "K7P4", "K7P4M2W3A4", "0711000111", "+254711000111"),
    *("😀", "👩‍👩‍👧‍👦" * 20, "አማርኛ", "العربية", "日本語", "ĩũ" * 40, "e\u0301" * 50),
    *("\u202e1\u202c", "\u200b", "\ufeff1", "\x00", "\x1b[2J", "\ud83d", "a\x00b", "\r\n1"),
    *("9" * 20, "9" * 200, "1" * 1000, "w" * 200, "W" * 5000, "€" * 200),
]

HOME = ("home.", "language.")
"""Where *00* leads: who has not chosen a language yet is asked that first."""
LANGUAGES = "language.language"
MANY = 20
"""More steps back than any dialogue is deep."""


def never_come_to(engine: DialogueEngine, phones: Iterable[Phone]) -> list[str]:
    """States at which no phone stood, nor answered on its way."""
    met = {place for phone in phones for place in _come_through(phone)}
    speaking = (
        (flow.name, name) for flow in engine.flows.values() for name, kind in flow.states.items() if kind.has_screen
    )
    return sorted({".".join(place) for place in speaking} - met)


def _come_through(phone: Phone) -> Iterator[str]:
    conversation = phone.conversation
    yield from (f"{conversation.flow}.{state}" for state in (conversation.state, *conversation.answers))


def without_a_way_home(phones: Iterable[Phone]) -> list[str]:
    """Where *00* does not lead home, or *0* and *0* again never does."""
    ways = ((phone, way) for phone in _going_on(phones) for way in (["00"], ["0"] * MANY))
    return _objections(phone for phone, way in ways if not _leads_home(phone, way))


def _leads_home(phone: Phone, way: list[str]) -> bool:
    return after(phone, *way).stands.startswith(HOME)


def cut_short(phones: Iterable[Phone]) -> list[str]:
    """Where something had to be cut, or is over its budget: a screen, or the segments of a text."""
    return _objections(phone for phone in phones if not fits(phone))


def outside_gsm7(phones: Iterable[Phone]) -> list[str]:
    """Where a language in Latin letters leaves the alphabet that is cheap; only languages have names that may."""
    return _objections(phone for phone in phones if phone.stands != LANGUAGES and not gsm7.is_gsm7(phone.shown))


def struck_dumb(phones: Iterable[Phone]) -> list[str]:
    """Where something hostile is not answered in one hop, in words that fit."""
    said = ((phone, said) for phone in _one_for_each_state(phones) for said in HOSTILE)
    return sorted(f"{phone.stands}: {said[:40]!r} {wrong}" for phone, said in said if (wrong := _dumb(phone, said)))


def _dumb(phone: Phone, said: str) -> str:
    try:
        other = after(phone, said)
    except Exception as error:
        return f"raises {error!r}"
    return "" if other.shown and fits(other) else f"is answered: {other.shown}"


def stuck_without_a_person(phones: Iterable[Phone]) -> list[str]:
    """Questions where two wrong answers running do not bring the offer of a call, which is then asked for."""
    asking = [phone for phone in _one_for_each_state(phones) if phone.engine.state(phone.conversation).is_question]
    return _objections(phone for phone in asking if not _brings_a_person(phone))


def _brings_a_person(phone: Phone) -> bool:
    wrong = after(phone, "?", "?")
    wrong.village.shut = False
    return fits(wrong) and after(wrong, "1").village.callers == [*wrong.village.callers, phone.village.person.msisdn]


def lost_by_a_break(phones: Iterable[Phone]) -> list[str]:
    """Where a dropped call is not asked about, or does not go on, by call or by text, with all that was typed."""
    begun = (phone for phone in _going_on(phones) if phone.engine.worth_resuming(phone.conversation))
    return sorted({f"{phone.stands}: {wrong}" for phone in begun for wrong in _wrongs_of_a_break(phone)})


def _wrongs_of_a_break(phone: Phone) -> Iterator[str]:
    asked = phone.twin()
    asked.channel = USSD
    asked.drops_and_dials()
    if not fits(asked) or [line[:2] for line in asked.lines[-2:]] != ["1.", "2."]:
        yield f"a break is asked about with {asked.shown}"
    if not after(asked, "2").stands.startswith(HOME):
        yield "it cannot be left behind"
    texted = phone.twin()
    texted.channel = SMS
    texted.goes_on_by_text()
    for on in (after(asked, "1"), texted):
        if wrong := _lost(phone, on):
            yield f"by {on.channel.name} {wrong}"


def _lost(before: Phone, on: Phone) -> str:
    """What is not as it was before the break; where an old answer must not be taken, as it was one question earlier."""
    was, now, engine = before.conversation, on.conversation, before.engine
    if not fits(on):
        return f"goes on with {on.shown}"
    if now.guess or now.side_prompt:
        return "goes on with a question beside the flow"
    if not _must_not_be_answered_unseen(engine.state(was)):
        same = (was.flow, was.state, was.trail, was.answers, was.prefill) == (
            now.flow,
            now.state,
            now.trail,
            now.answers,
            now.prefill,
        )
        return "" if same else f"goes on at {on.stands} with {now.answers}"
    if was.trail and (now.flow, now.answers) != (was.flow, was.answers):
        return f"goes on at {on.stands} with {now.answers}"
    too_far = _must_not_be_answered_unseen(engine.state(now)) and not _begins(engine, now)
    return f"goes on at {on.stands}, which is not before it" if too_far else ""


def _begins(engine: DialogueEngine, now: Conversation) -> bool:
    """Whether this is where a flow begins, so that no question of it comes before."""
    first = {edge.go.to for source, edge in engine.flows[now.flow].rows if source == START}
    return now.state in first and not now.trail


def _must_not_be_answered_unseen(state: StateKind) -> bool:
    return isinstance(state, Confirm | AskPin)


# Phones.


def after(phone: Phone, *said: str) -> Phone:
    """The same phone a few hops later."""
    other = phone.twin()
    other.says(*said)
    return other


def fits(phone: Phone) -> bool:
    """Whether nothing had to be cut, and what is shown is within its budget."""
    budget = phone.budget
    septets = gsm7.septets(phone.shown)
    within = septets <= budget.septets if septets is not None else gsm7.units(phone.shown) <= budget.ucs2_units
    return within and phone.screen.fits(budget)


def _going_on(phones: Iterable[Phone]) -> list[Phone]:
    return [phone for phone in phones if not phone.conversation.over]


def _one_for_each_state(phones: Iterable[Phone]) -> list[Phone]:
    """Of the phones that stand alike, one; what else is asked there makes a difference."""
    return list({(phone.stands, phone.conversation.side_prompt): phone for phone in _going_on(phones)}.values())


def _objections(phones: Iterable[Phone]) -> list[str]:
    """As one would want to read it."""
    return sorted({f"{phone.stands}: {phone.shown}" for phone in phones})

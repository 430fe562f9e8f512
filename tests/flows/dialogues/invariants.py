"""What must hold at every screen of all dialogues. An invariant takes a phone for each screen, and returns violations.

`test_invariants.py` shows that each invariant finds a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flows import gsm7
from flows.kit import SMS, USSD, AskPin, Confirm, Conversation, DialogueEngine
from flows.kit.flow import START
from flows.kit.navigation import BACK, HOME
from flows.kit.state_kinds.base import StateKind
from tests.flows.dialogues.exploration import LANGUAGE_QUESTION
from tests.flows.phone import FakePhone

Invariant = Callable[[Iterable[FakePhone]], list[str]]

HOSTILE = [
    *("", " ", "\n", "\t", "0", "00", "000", "98", "99", "-1", "1.5", "0x1", "1e3", "١", "፩", "²", "½", "1️⃣"),
    *("*", "#", "**", "*384*22#", "1*2", "a*b*c", "null", "None", "true", "undefined", "NaN", "[]", "{}", '""'),
    *("{name}", "{0}", "{turn.market}", "%s", "%(name)s", "${PATH}", "\\n", "\\", "'", "' OR 1=1 --", "<b>1</b>"),
    *("YES", "no", "STOP", "MENU", "SELL", "hapana", "K7P4", "K7P4M2W3A4", "0711000111", "+254711000111"),
    *("😀", "👩‍👩‍👧‍👦" * 20, "አማርኛ", "العربية", "日本語", "ĩũ" * 40, "e\u0301" * 50),
    *("\u202e1\u202c", "\u200b", "\ufeff1", "\x00", "\x1b[2J", "\ud83d", "a\x00b", "\r\n1"),
    *("9" * 20, "9" * 200, "1" * 1000, "w" * 200, "W" * 5000, "€" * 200),
]

AT_HOME = ("home.", "language.")
"""Where *00* leads: a person who has chosen no language yet is first asked for it."""
MAX_DEPTH = 20
"""More steps back than any dialogue is deep."""


def unreached_states(engine: DialogueEngine, phones: Iterable[FakePhone]) -> list[str]:
    """States with a screen at which no phone is, and which no phone has answered."""
    reached = {position for phone in phones for position in _passed(phone)}
    flows = engine.flows.values()
    shown = {f"{flow.name}.{name}" for flow in flows for name, state in flow.states.items() if state.has_screen}
    return sorted(shown - reached)


def _passed(phone: FakePhone) -> Iterator[str]:
    conversation = phone.conversation
    yield from (f"{conversation.flow}.{state}" for state in (conversation.state, *conversation.answers))


def no_way_home(phones: Iterable[FakePhone]) -> list[str]:
    """Screens where *00* does not lead home, or where *0*, pressed repeatedly, never does."""
    return _listed(phone for phone in _open(phones) if not _leads_home(phone))


def _leads_home(phone: FakePhone) -> bool:
    return after(phone, HOME).position.startswith(AT_HOME) and _backs_home(phone)


def _backs_home(phone: FakePhone) -> bool:
    other = phone.copy()
    return any(other.says(BACK) and other.position.startswith(AT_HOME) for _ in range(MAX_DEPTH))


def too_long(phones: Iterable[FakePhone]) -> list[str]:
    """Screens that were cut or are over their budget, and texts with too many segments."""
    return _listed(phone for phone in phones if not fits(phone))


def outside_gsm7(phones: Iterable[FakePhone]) -> list[str]:
    """Screens with letters outside GSM-7 in a Latin language; only the names of languages may have them."""
    return _listed(phone for phone in phones if phone.position != LANGUAGE_QUESTION and not gsm7.is_gsm7(phone.shown))


def unanswered_input(phones: Iterable[FakePhone]) -> list[str]:
    """Inputs of `HOSTILE` that are not answered in one hop by a screen that fits."""
    tried = ((phone, typed) for phone in _one_for_each_state(phones) for typed in HOSTILE)
    return sorted(
        f"{phone.position}: {typed[:40]!r} {wrong}" for phone, typed in tried if (wrong := _wrong(phone, typed))
    )


def _wrong(phone: FakePhone, typed: str) -> str:
    try:
        other = after(phone, typed)
    except Exception as error:
        return f"raises {error!r}"
    return "" if other.shown and fits(other) else f"is answered: {other.shown}"


def no_callback_offered(phones: Iterable[FakePhone]) -> list[str]:
    """Questions where two wrong answers in a row do not lead to the offer of a call, or the offer does not work."""
    asking = [phone for phone in _one_for_each_state(phones) if phone.engine.state(phone.conversation).is_question]
    return _listed(phone for phone in asking if not _offers_a_callback(phone))


def _offers_a_callback(phone: FakePhone) -> bool:
    wrong = after(phone, "?", "?")
    wrong.marketplace.rejects_all = False
    called = after(wrong, "1").marketplace.callbacks
    return fits(wrong) and called == [*wrong.marketplace.callbacks, phone.marketplace.person.msisdn]


def lost_by_a_dropped_call(phones: Iterable[FakePhone]) -> list[str]:
    """Screens where a dropped call is not asked about, or is not continued, by call or text, with all answers."""
    begun = (phone for phone in _open(phones) if phone.engine.worth_resuming(phone.conversation))
    return sorted({f"{phone.position}: {wrong}" for phone in begun for wrong in _wrong_after_a_dropped_call(phone)})


def _wrong_after_a_dropped_call(phone: FakePhone) -> Iterator[str]:
    asked = phone.copy()
    asked.channel = USSD
    asked.drops_and_dials()
    if not fits(asked) or [line[:2] for line in asked.lines[-2:]] != ["1.", "2."]:
        yield f"the dropped call is asked about with {asked.shown}"
    if not after(asked, "2").position.startswith(AT_HOME):
        yield "it cannot be started again"
    texted = phone.copy()
    texted.channel = SMS
    texted.resumes_by_text()
    for resumed in (after(asked, "1"), texted):
        if wrong := _lost(phone, resumed):
            yield f"by {resumed.channel.name} {wrong}"


def _lost(before: FakePhone, resumed: FakePhone) -> str:
    """What differs from before the dropped call, or from one question earlier where an old answer must not count."""
    was, now, engine = before.conversation, resumed.conversation, before.engine
    if not fits(resumed):
        return f"goes on with {resumed.shown}"
    if now.guess or now.side_prompt:
        return "goes on with a side prompt"
    if not _must_not_be_answered_unseen(engine.state(was)):
        same = (was.flow, was.state, was.trail, was.answers, was.prefill) == (
            now.flow,
            now.state,
            now.trail,
            now.answers,
            now.prefill,
        )
        return "" if same else f"goes on at {resumed.position} with {now.answers}"
    if was.trail and (now.flow, now.answers) != (was.flow, was.answers):
        return f"goes on at {resumed.position} with {now.answers}"
    too_far = _must_not_be_answered_unseen(engine.state(now)) and not _begins(engine, now)
    return f"goes on at {resumed.position}, which is not before it" if too_far else ""


def _begins(engine: DialogueEngine, now: Conversation) -> bool:
    """True if the flow begins here, so that no question of it comes before."""
    first = {edge.go.to for source, edge in engine.flows[now.flow].rows if source == START}
    return now.state in first and not now.trail


def _must_not_be_answered_unseen(state: StateKind) -> bool:
    return isinstance(state, Confirm | AskPin)


# Phones.


def after(phone: FakePhone, *typed: str) -> FakePhone:
    """A copy of the phone, a few hops later."""
    other = phone.copy()
    other.says(*typed)
    return other


def fits(phone: FakePhone) -> bool:
    """True if nothing was cut and the text is within its budget."""
    budget = phone.budget
    septets = gsm7.septets(phone.shown)
    within = septets <= budget.septets if septets is not None else gsm7.units(phone.shown) <= budget.ucs2_units
    return within and phone.screen.fits(budget)


def _open(phones: Iterable[FakePhone]) -> list[FakePhone]:
    return [phone for phone in phones if not phone.conversation.over]


def _one_for_each_state(phones: Iterable[FakePhone]) -> list[FakePhone]:
    """One of the phones at each state, and one more for each side prompt there."""
    return list({(phone.position, phone.conversation.side_prompt): phone for phone in _open(phones)}.values())


def _listed(phones: Iterable[FakePhone]) -> list[str]:
    """The screens in readable form."""
    return sorted({f"{phone.position}: {phone.shown}" for phone in phones})

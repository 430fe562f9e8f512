"""The book: all flows together, and the pure step that a hop takes through them.

    book.open(turn, "home")                     the first screen of a conversation
    book.hear(turn, "2")                        an answer, a way out, or a page more
    while command := book.command(turn):        the hall performs what the flow has come to
        book.tell(turn, outcome)
    book.screen(turn).render(channel)           what is shown

Nothing here opens a socket, a file or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.commands import Command, Outcome
from flows.reading import keywords
from flows.reading.answers import choice, yes_no
from flows.reading.folding import clean
from flows.reading.result import Unreadable
from flows.reading.similarity import most_similar

from .checks import Gone, RejectedAnswer
from .conversation import Answer, Conversation, Frame
from .flow import DOOR, RETURN, START, Flow, Keyword
from .screen import Screen
from .state_kinds.base import BACK, HOME, MORE, NOTED, SUGGESTED, Act, Notice, PagedList, StateKind
from .turn import Place, Turn
from .words import N_, versions

MISSES_BEFORE_A_PERSON = 2
ENOUGH_OF_A_GUESS = 30
"""Letters by which a line too long for the screen is still known."""

SUGGESTED_FLOW, SUGGESTED_WORD = "flow", "word"
"""What the puzzle is told of a misspelt keyword, as if it were answers."""

SIDE_PROMPTS = {
    # Asked beside the flow itself: what is said, and the two lines to choose from.
    "guess": (N_("Did you mean {guess}?"), N_("Yes"), N_("No")),
    "person": (N_("Shall somebody call you to help?"), N_("Call me"), N_("Try again")),
    "resume": (N_("Your last call was cut off."), N_("Continue"), N_("Start again")),
}

NAVIGATION = {BACK: N_("Back"), HOME: N_("Home")}

noted = Flow(
    NOTED,
    Notice(
        "noted",
        N_(
            "Noted. The shop cannot be reached just now: we do it as soon as it can, and text you what came of it.",
            "Noted. We do it later, and text you.",
        ),
    ),
)


@dataclass(slots=True)
class Fields(Mapping[str, Any]):
    """What {names} in words stand for: facts of the flow, answers as they are shown, the person, the place."""

    turn: Turn
    flow: Flow

    def __getitem__(self, name: str) -> Any:
        if name in self.flow.facts:
            return self.flow.facts[name](self.turn)
        if name in self.turn.conversation.answers:
            return self._shown(name, self.turn.conversation.answers[name])
        for facts in (self.turn.person, self.turn.place):
            if hasattr(facts, name):
                return getattr(facts, name)
        raise KeyError(name)

    def _shown(self, name: str, value: Answer) -> str:
        state = self.flow.states.get(name)
        return state.display(self.turn, value) if state else str(value)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.flow.facts, *self.turn.conversation.answers))

    def __len__(self) -> int:
        return len(self.flow.facts) + len(self.turn.conversation.answers)


class DialogueEngine:
    """All flows by name.

    `home` is where *00* leads, `person` where somebody who is stuck is sent, `puzzle` what a text comes to that
    no keyword explains. `noted` stands in every book: what cannot be done at once leads there.
    """

    def __init__(
        self, *flows: Flow, home: str = "home", callback: str = "call", unknown_keyword: str = "puzzle"
    ) -> None:
        self.flows = {flow.name: flow for flow in (*flows, noted)}
        self.home, self.callback, self.unknown_keyword = home, callback, unknown_keyword
        self.keywords: dict[str, tuple[Flow, Keyword]] = {
            word: (flow, keyword) for flow in flows for keyword in flow.keywords for word in keyword.words
        }
        self._written = {word: keyword.words[0] for word, (_, keyword) in self.keywords.items()}

    # -- where a conversation stands

    def flow(self, conversation: Conversation) -> Flow:
        return self.flows[conversation.flow]

    def state(self, conversation: Conversation) -> StateKind:
        return self.flow(conversation).states[conversation.state]

    def is_current(self, conversation: Conversation) -> bool:
        """Whether a stored conversation still has its place in this edition of the book."""
        flow = self.flows.get(conversation.flow)
        return flow is not None and flow.version == conversation.version and conversation.state in flow.states

    def worth_resuming(self, conversation: Conversation) -> bool:
        """Whether something would be lost by starting again.

        A menu alone, a guess, or what was only read is not worth a question.
        """
        begun = conversation.flow not in (self.home, self.unknown_keyword) or bool(conversation.trail)
        if not begun or conversation.over or not self.is_current(conversation):
            return False
        return not isinstance(self.state(conversation), Notice)

    def match_keyword(self, said: str, place: Place) -> tuple[str, Mapping[str, str]] | None:
        """The flow a text asks for, and the answers it gives ahead; None when it is no keyword's sense."""
        read = keywords.match(said, self._written)
        return self._sense(*read.value, place) if read and read.certain else None

    def _sense(self, word: str, rest: str, place: Place) -> tuple[str, Mapping[str, str]] | None:
        flow, keyword = self.keywords[word]
        given = keyword.fill(rest, place)
        return None if given is None else (flow.name, given)

    # -- the step

    def open(self, turn: Turn, flow: str, prefill: Mapping[str, str] | None = None) -> None:
        """Begins a flow afresh, with answers given ahead; only the key of the conversation goes on."""
        turn.conversation.return_stack, turn.conversation.prefill = [], dict(prefill or {})
        self._begin(turn, flow, {})
        self._settle(turn)

    def is_answer(self, turn: Turn, said: str) -> bool:
        """Whether a text is an answer to what waits in this conversation, and not about something else.

        A keyword is one only to a question that it says yes or no to; what is like a keyword, only where it can be
        read as an answer, and in her own words anything can.
        """
        beside = bool(self._side_prompt(turn.conversation)) and self._first_of_two(turn, said) is not None
        state = self.state(turn.conversation)
        if self.match_keyword(said, turn.place):
            return beside or state.claims_keyword(turn, said)
        return beside or not self._nearly(said, turn.place) or state.can_read(turn, said)

    def on_unmatched(self, turn: Turn, said: str) -> None:
        """Takes a text that is no keyword's sense: what is nearly so is asked back, with all it says kept."""
        turn.conversation.return_stack, turn.conversation.prefill = [], {}
        answers: dict[str, Answer] = {}
        if nearly := self._nearly(said, turn.place):
            word, flow, given = nearly
            answers = {SUGGESTED_FLOW: flow, SUGGESTED_WORD: most_similar(said, self.keywords[word][1].words)}
            turn.conversation.prefill = dict(given)
        self._begin(turn, self.unknown_keyword, answers)

    def _nearly(self, said: str, place: Place) -> tuple[str, str, Mapping[str, str]] | None:
        """The keyword a text misspells, the flow it would open, and the answers it gives ahead."""
        read = keywords.match(said, self._written)
        sense = self._sense(*read.value, place) if read and not read.certain else None
        return (read.value[0], *sense) if read and sense else None

    def handle_input(self, turn: Turn, said: str) -> None:
        """Takes one thing said: a way out first, then whatever the state makes of it."""
        try:
            self._handle_input(turn, clean(said))
        except Gone:
            self.open(turn, turn.conversation.flow)

    def _handle_input(self, turn: Turn, said: str) -> None:
        if said == HOME:
            self.open(turn, self.home)
        elif said == BACK:
            self._back(turn)
        elif said != MORE or not self._turn_the_page(turn):
            self._answer(turn, said)

    def pending_command(self, turn: Turn) -> Command | None:
        """What the flow waits for the hall to do; None when it waits for the person."""
        try:
            return self._pending_command(turn)
        except Gone:
            self.open(turn, turn.conversation.flow)
            return self._pending_command(turn)

    def _pending_command(self, turn: Turn) -> Command | None:
        state = self.state(turn.conversation)
        return state.command(turn) if isinstance(state, Act) else None

    def apply_outcome(self, turn: Turn, outcome: Outcome) -> None:
        """The outcome of the command; what it brought can be named in words from here on.

        There is no way back over it: what was done is not undone by pressing 0.
        """
        conversation = turn.conversation
        conversation.commands_done += 1
        for name, state in self.flow(conversation).states.items():
            if state.secret:
                conversation.answers.pop(name, None)
        conversation.answers.update(outcome.values)
        conversation.trail, conversation.return_stack = [], []
        turn.outcome = outcome
        self._must(turn, outcome.kind)
        self._settle(turn)

    def screen(self, turn: Turn) -> Screen:
        """What the person sees now."""
        try:
            return self._screen(turn)
        except Gone:
            self.open(turn, turn.conversation.flow)
            return self._screen(turn)

    def _screen(self, turn: Turn) -> Screen:
        turn.fields = Fields(turn, self.flow(turn.conversation))
        screen = self._side_prompt_screen(turn) or self.state(turn.conversation).screen(turn)
        if screen.ends:
            return screen
        return replace(screen, navigation=list(self._navigation(turn)))

    def ask_to_resume(self, conversation: Conversation) -> None:
        """The call dropped: what is shown next asks whether to go on with what was begun."""
        conversation.guess, conversation.side_prompt = None, "resume"

    def resume(self, turn: Turn) -> None:
        """Continues after a break. What confirms is asked from one question before: the old screen is gone.

        Behind a command, which has no way back over it, the flow begins again.
        """
        conversation = turn.conversation
        conversation.guess, conversation.side_prompt = None, ""
        while self.state(conversation).resume_before and conversation.trail:
            self._back(turn)
        if self.state(conversation).resume_before and not conversation.return_stack:
            self.open(turn, conversation.flow, conversation.prefill)

    # -- answers

    def _answer(self, turn: Turn, said: str) -> None:
        conversation = turn.conversation
        beside = conversation.guess or conversation.side_prompt
        first = self._first_of_two(turn, said) if beside else None
        if beside and first is not None:
            self._leave_side_prompt(turn, first)
        elif conversation.side_prompt != "resume":
            conversation.guess, conversation.side_prompt = None, ""
            self._take(turn, said)

    def _leave_side_prompt(self, turn: Turn, first: bool) -> None:
        conversation = turn.conversation
        guess, side_prompt = conversation.guess, conversation.side_prompt
        conversation.guess, conversation.side_prompt, conversation.misses = None, "", 0
        if guess:
            if first:
                self._accept(turn, guess.value)
        elif side_prompt == "resume":
            self.resume(turn) if first else self.open(turn, self.home)
        elif first:
            self._enter(turn, self.callback, {}, self._frame(conversation, conversation.state, conversation.trail))

    def _take(self, turn: Turn, said: str) -> None:
        conversation, state = turn.conversation, self.state(turn.conversation)
        turn.fields = Fields(turn, self.flow(conversation))
        try:
            value = state.interpret(turn, said)
        except RejectedAnswer as refused:
            self._refuse(turn, refused)
        else:
            if conversation.guess is None:
                self._accept(turn, value)

    def _refuse(self, turn: Turn, refused: RejectedAnswer) -> None:
        conversation = turn.conversation
        conversation.problem = [turn.say(version, **refused.values) for version in versions(refused.problem)]
        conversation.misses += 1
        if conversation.misses >= MISSES_BEFORE_A_PERSON and self.callback in self.flows:
            conversation.side_prompt = "person"

    def _accept(self, turn: Turn, value: Answer) -> None:
        conversation, left = turn.conversation, turn.conversation.state
        turn.answer = value
        conversation.answers[left] = value
        conversation.trail.append(left)
        self._must(turn, "answer")
        if conversation.state in conversation.trail:
            # met again: the trail ends here, so that *back* never walks in circles
            del conversation.trail[conversation.trail.index(conversation.state) :]
        self._settle(turn)

    # -- moving

    def _must(self, turn: Turn, trigger: str) -> None:
        conversation = turn.conversation
        if not self.flow(conversation).trigger(trigger, turn):
            raise LookupError(f"no way on from {conversation.flow}.{conversation.state} by {trigger}")

    def _begin(self, turn: Turn, name: str, answers: dict[str, Answer]) -> None:
        conversation, flow = turn.conversation, self.flows[name]
        conversation.flow, conversation.version, conversation.state = name, flow.version, START
        conversation.answers, conversation.labels, conversation.trail = answers, {}, []
        conversation.over = False
        self._must(turn, "begin")

    def _settle(self, turn: Turn) -> None:
        """Goes on until somebody else has to say or do something."""
        conversation = turn.conversation
        while conversation.state.startswith(DOOR):
            self._through_the_door(turn)
        state = self.state(conversation)
        if isinstance(state, PagedList) and state.empty and not conversation.choices:
            self._must(turn, "skip")
            self._settle(turn)
        elif (said := self._given_ahead(state, conversation)) is not None:
            self._take(turn, said)

    def _given_ahead(self, state: StateKind, conversation: Conversation) -> str | None:
        if isinstance(state, PagedList) and state.pick_single and len(conversation.choices) == 1:
            return "1"
        return conversation.prefill.pop(state.name, None) if state.is_question else None

    def _through_the_door(self, turn: Turn) -> None:
        conversation = turn.conversation
        flow, *carried = conversation.state[len(DOOR) :].split(":")
        trail = conversation.trail
        frame = self._frame(conversation, trail[-1], trail[:-1]) if trail else None
        if flow == SUGGESTED:
            flow = str(conversation.answers[SUGGESTED_FLOW])
        self._enter(turn, flow, {name: conversation.answers[name] for name in carried}, frame)

    def _enter(self, turn: Turn, flow: str, answers: dict[str, Answer], caller: Frame | None) -> None:
        """Enters a flow; *back* from its first screen returns to the caller, if there is one."""
        return_stack = [] if flow == self.home or caller is None else [*turn.conversation.return_stack, caller]
        self._begin(turn, flow, answers)
        turn.conversation.return_stack = return_stack

    def _frame(self, conversation: Conversation, state: str, trail: list[str]) -> Frame:
        return Frame(conversation.flow, state, conversation.answers, conversation.labels, trail)

    def _back(self, turn: Turn) -> None:
        conversation = turn.conversation
        if conversation.guess or conversation.side_prompt == "person":
            conversation.guess, conversation.side_prompt, conversation.misses = None, "", 0
        elif conversation.side_prompt:
            return
        elif len(conversation.pages) > 0:
            conversation.pages.pop()
            conversation.problem = []
        elif not self.flow(conversation).trigger("back", turn):
            self.open(turn, self.home)
        elif conversation.state == RETURN:
            self._return(turn)
        else:
            conversation.trail.pop()

    def _turn_the_page(self, turn: Turn) -> bool:
        """Shows more of a list; False when there is none, or something else is asked beside it."""
        turn.fields = Fields(turn, self.flow(turn.conversation))
        return not self._side_prompt(turn.conversation) and self.flow(turn.conversation).trigger("more", turn)

    def _return(self, turn: Turn) -> None:
        conversation = turn.conversation
        frame = conversation.return_stack.pop() if conversation.return_stack else None
        flow = self.flows.get(frame.flow) if frame else None
        if frame is None or flow is None or frame.state not in flow.states:
            self.open(turn, self.home)
            return
        conversation.flow, conversation.version = flow.name, flow.version
        conversation.state, conversation.trail = frame.state, list(frame.trail)
        conversation.answers, conversation.labels = dict(frame.answers), dict(frame.labels)
        self.state(conversation).prepare(turn)

    # -- what is asked beside the flow

    def _first_of_two(self, turn: Turn, said: str) -> bool | None:
        """Which line of the detour she took; None when it is neither, so perhaps an answer to the question."""
        _, *lines = SIDE_PROMPTS[self._side_prompt(turn.conversation)]
        try:
            if turn.conversation.guess:
                yes = yes_no(said)
                return yes.value if yes.certain else None
            picked = choice(said, [turn.words.text(line) for line in lines])
        except Unreadable:
            return None
        return picked.value == 0 if picked.certain else None

    def _side_prompt(self, conversation: Conversation) -> str:
        return "guess" if conversation.guess else conversation.side_prompt

    def _side_prompt_screen(self, turn: Turn) -> Screen | None:
        conversation = turn.conversation
        name = self._side_prompt(conversation)
        if not name:
            return None
        body, first, second = SIDE_PROMPTS[name]
        guess = conversation.guess.label if conversation.guess else ""
        asked = [turn.say(body, guess=words) for words in dict.fromkeys((guess, guess[:ENOUGH_OF_A_GUESS]))]
        problems = conversation.problem if name == "person" else []
        bodies = [*(f"{problem}\n{asked[0]}" for problem in problems), *asked]
        return Screen(bodies, [("1", turn.words.text(first)), ("2", turn.words.text(second))])

    def _navigation(self, turn: Turn) -> Iterator[tuple[str, str]]:
        conversation = turn.conversation
        if conversation.side_prompt == "resume" or turn.person.language is None:
            return  # nothing lies behind the first question of all
        inside = conversation.flow != self.home or bool(conversation.trail)
        if inside or conversation.pages:
            yield BACK, turn.words.text(NAVIGATION[BACK])
        if inside:
            yield HOME, turn.words.text(NAVIGATION[HOME])

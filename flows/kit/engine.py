"""The dialogue engine: all flows together, and the pure step that a hop takes through them.

    engine.open(turn, "home")                        begins a flow
    engine.handle_input(turn, "2")                   takes an answer, or 0, 00 or 98
    while command := engine.pending_command(turn):   performed by the caller
        engine.apply_outcome(turn, outcome)
    engine.screen(turn).render(channel)              what is shown

Nothing here opens a socket or a file, or reads the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.commands import Command, Outcome
from flows.reading import codes
from flows.reading.folding import clean
from flows.reading.similarity import most_similar

from . import navigation, prompts
from .checks import Gone, RejectedAnswer
from .conversation import Answer, Conversation, Frame
from .edges import NOTED, SUGGESTED, Trigger, targets
from .fields import Fields, Values
from .flow import FLOW_ENTRY, RETURN, START, Flow
from .keyword_table import KeywordTable
from .navigation import BACK, HOME, MORE
from .screen import Screen
from .state_kinds.act import Act
from .state_kinds.base import StateKind
from .state_kinds.lists import Menu, PagedList
from .state_kinds.notice import Notice
from .turn import Place, Turn
from .words import N_, versions

MISSES_BEFORE_A_PERSON = 2
"""The number of rejected answers in a row after which a call by a person is offered."""

SUGGESTED_FLOW, SUGGESTED_WORD, SUGGESTED_CODE = "flow", "word", "code"
"""The answers with which the flow for unknown keywords begins: the flow that was probably meant, and its keyword; or
the code of an order that the person bought."""

noted = Flow(
    NOTED,
    Notice(
        "noted",
        N_(
            "Noted. The shop cannot be reached just now. We do it when it is back, and text you what came of it.",
            "Noted. We do it later, and text you.",
        ),
    ),
)


class DialogueEngine:
    """All flows by name.

    `home` is the flow that *00* opens, `callback` the one that requests a call by a person, `unknown_keyword` the one
    for texts that match no keyword. The flow `noted` is always there, for commands that are queued.
    """

    def __init__(
        self, *flows: Flow, home: str = "home", callback: str = "call", unknown_keyword: str = "puzzle"
    ) -> None:
        self.flows = {flow.name: flow for flow in (*flows, noted)}
        self.home, self.callback, self.unknown_keyword = home, callback, unknown_keyword
        self._keywords = KeywordTable(flows)
        self.keywords = self._keywords.by_word

    # -- where a conversation is

    def flow(self, conversation: Conversation) -> Flow:
        return self.flows[conversation.flow]

    def state(self, conversation: Conversation) -> StateKind:
        return self.flows[conversation.flow].states[conversation.state]

    def is_current(self, conversation: Conversation) -> bool:
        """True if the flow, version and state of a stored conversation still exist."""
        flow = self.flows.get(conversation.flow)
        return flow is not None and flow.version == conversation.version and conversation.state in flow.states

    def worth_resuming(self, conversation: Conversation) -> bool:
        """True if starting again would lose answers: not at a notice, nor in menus and lists that were only read."""
        if conversation.over or conversation.flow == self.unknown_keyword or not self.is_current(conversation):
            return False
        state = self.state(conversation)
        if isinstance(state, Menu | PagedList):
            return bool(conversation.prefill) or self._has_typed(conversation) or self._has_acted(conversation)
        return not isinstance(state, Notice)

    def is_cut_off(self, dropped: Conversation) -> bool:
        """True if a dropped call is worth resuming: not at an optional question, before which everything was done."""
        return self.worth_resuming(dropped) and not self.state(dropped).optional

    def _has_typed(self, conversation: Conversation) -> bool:
        """True if the person has answered a question with something else than a line of a menu or list."""
        answered = [(conversation.flow, conversation.answers)]
        answered += [(frame.flow, frame.answers) for frame in conversation.return_stack if frame.flow in self.flows]
        states = (self.flows[flow].states.get(name) for flow, answers in answered for name in answers)
        return any(state is not None and not isinstance(state, Menu | PagedList) for state in states)

    def _has_acted(self, conversation: Conversation) -> bool:
        """True if a command led here, such as the check of a PIN: no screen is before this one, nor is it a first."""
        first = {go.to for go in targets(self.flow(conversation).start)}
        return not conversation.trail and conversation.state not in first

    # -- texts

    def match_keyword(self, text: str, place: Place) -> tuple[str, Mapping[str, str]] | None:
        """The flow that a text opens and the answers it gives ahead; None if it does not use a keyword."""
        return self._keywords.match(text, place)

    def keyword_language(self, text: str) -> str | None:
        """The language of the keyword that a text uses; None if it uses none, or one of several languages."""
        return self._keywords.language(text)

    def code_of_own_order(self, turn: Turn, text: str) -> str | None:
        """The code of an order that the person bought, if the text says nothing else; it is answered like TRACK."""
        code = codes.alone(text)
        return code if code and turn.market.bought(code) else None

    def is_answer(self, turn: Turn, text: str) -> bool:
        """True if a text answers the open question of this conversation, and does not begin another flow.

        A keyword is an answer only where it means yes or no. A misspelt keyword, or the code of an order that the
        person bought, is an answer only if the question can read it; a question for free text can read anything.
        """
        picks_a_line = prompts.is_first_line(turn, text) is not None
        state = self.state(turn.conversation)
        if self.match_keyword(text, turn.place):
            return picks_a_line or state.claims_keyword(turn, text)
        if picks_a_line or state.can_read(turn, text):  # looked at first: the shop, which knows orders, may be away
            return True
        return not (self._keywords.misspelt(text, turn.place) or self.code_of_own_order(turn, text))

    def on_unmatched(self, turn: Turn, text: str) -> None:
        """Begins the flow for a text that uses no keyword. A misspelt keyword is asked back with its answers kept."""
        turn.conversation.return_stack, turn.conversation.prefill = [], {}
        suggestion: dict[str, Answer] = {}
        if code := self.code_of_own_order(turn, text):
            suggestion = {SUGGESTED_CODE: code}
            turn.conversation.prefill = {SUGGESTED_CODE: code}
        elif misspelt := self._keywords.misspelt(text, turn.place):
            word, flow, prefill = misspelt
            suggestion = {SUGGESTED_FLOW: flow, SUGGESTED_WORD: most_similar(text, self.keywords[word][1].words)}
            turn.conversation.prefill = dict(prefill)
        self._begin(turn, self.unknown_keyword, suggestion)
        self._advance(turn)

    # -- the step

    def open(self, turn: Turn, flow: str, prefill: Mapping[str, str] | None = None) -> None:
        """Begins a flow, with answers given ahead; the conversation keeps its id and its count of commands."""
        turn.conversation.return_stack, turn.conversation.prefill = [], dict(prefill or {})
        self._begin(turn, flow, {})
        self._advance(turn)

    def handle_input(self, turn: Turn, text: str) -> None:
        """Takes what was typed: back, home or more, otherwise an answer to the state.

        *Back* leads to the answer before, but not to one that was the only one possible: that was never asked.
        """
        try:
            self._handle_input(turn, clean(text))
        except Gone:
            self.open(turn, turn.conversation.flow)

    def _handle_input(self, turn: Turn, typed: str) -> None:
        typed = typed.removesuffix("#").rstrip() or typed  # people end what they type with # as after a service code
        if typed == HOME:
            self.open(turn, self.home)
        elif typed == BACK:
            self._back(turn)
        elif typed != MORE or not self._turn_the_page(turn):
            self._answer(turn, typed)

    def pending_command(self, turn: Turn) -> Command | None:
        """The command that the flow waits for; None if it waits for the person."""
        try:
            return self._pending_command(turn)
        except Gone:
            self.open(turn, turn.conversation.flow)
            return self._pending_command(turn)

    def _pending_command(self, turn: Turn) -> Command | None:
        state = self.state(turn.conversation)
        return state.command(turn) if isinstance(state, Act) else None

    def apply_outcome(self, turn: Turn, outcome: Outcome) -> None:
        """Continues with the outcome of the command. Later screens can show its values.

        *Back* does not lead to before a command, because going back would not undo it.
        """
        conversation = turn.conversation
        conversation.commands_done += 1
        for name, state in self.flow(conversation).states.items():
            if state.secret:
                conversation.answers.pop(name, None)
        conversation.answers.update(outcome.values)
        conversation.trail, conversation.unseen, conversation.return_stack = [], [], []
        turn.outcome = outcome
        self._trigger(turn, outcome.kind)
        self._advance(turn)

    def screen(self, turn: Turn) -> Screen:
        """What the person sees now."""
        try:
            return self._screen(turn)
        except Gone:
            self.open(turn, turn.conversation.flow)
            return self._screen(turn)

    def _screen(self, turn: Turn) -> Screen:
        turn.fields = Fields(turn, self.flow(turn.conversation))
        screen = prompts.screen(turn) or self.state(turn.conversation).screen(turn)
        if screen.ends:
            return screen
        keys = self._navigation(turn)
        lines = tuple([(key, turn.words.text(navigation.LABELS[key])) for key in keys])
        return Screen(screen.bodies, screen.options, screen.more, lines)

    def _navigation(self, turn: Turn) -> Sequence[str]:
        """The keys that the screen lists besides its own lines."""
        conversation = turn.conversation
        if conversation.side_prompt == "resume" or turn.person.language is None:
            return ()  # no question comes before that for the language
        if conversation.flow != self.home or conversation.trail:
            return BACK, HOME
        return (BACK,) if conversation.pages else ()

    # -- a dropped call

    def ask_to_resume(self, conversation: Conversation) -> None:
        """Lets the next screen ask whether to continue the dropped call."""
        conversation.guess, conversation.side_prompt = None, "resume"

    def resume(self, turn: Turn) -> None:
        """Continues after a dropped call. Where an old answer must not count, it continues at the question before.

        After a command there is no question before, so the flow begins again.
        """
        conversation = turn.conversation
        prompts.clear(conversation)
        while self.state(conversation).resume_before and conversation.trail:
            self._step_back(turn)
        if self.state(conversation).resume_before and not conversation.return_stack:
            self.open(turn, conversation.flow, conversation.prefill)

    # -- answers

    def _answer(self, turn: Turn, typed: str) -> None:
        conversation = turn.conversation
        is_first_line = prompts.is_first_line(turn, typed)
        if is_first_line is not None:
            self._leave_side_prompt(turn, is_first_line)
        elif conversation.side_prompt != "resume":
            prompts.clear(conversation)
            self._take(turn, typed)

    def _leave_side_prompt(self, turn: Turn, is_first_line: bool) -> None:
        conversation = turn.conversation
        guess, side_prompt = conversation.guess, conversation.side_prompt
        prompts.clear(conversation)
        conversation.misses = 0
        if guess:
            if is_first_line:
                self._accept(turn, guess.value)
        elif side_prompt == "resume":
            self.resume(turn) if is_first_line else self.open(turn, self.home)
        elif is_first_line:
            self._enter(turn, self.callback, {}, self._frame(conversation, conversation.state, conversation.trail))

    def _take(self, turn: Turn, typed: str, *, is_asked: bool = True) -> None:
        conversation, state = turn.conversation, self.state(turn.conversation)
        turn.fields = Fields(turn, self.flow(conversation))
        try:
            value = state.interpret(turn, typed)
        except RejectedAnswer as rejected:
            self._reject(turn, rejected)
        else:
            if conversation.guess is None:
                self._accept(turn, value, is_asked=is_asked)

    def _reject(self, turn: Turn, rejected: RejectedAnswer) -> None:
        conversation = turn.conversation
        values = Values(turn.fields, rejected.values)
        conversation.problem = [turn.say_with(version, values) for version in versions(rejected.problem)]
        conversation.misses += 1
        if conversation.misses >= MISSES_BEFORE_A_PERSON and self.callback in self.flows:
            conversation.side_prompt = "person"

    def _accept(self, turn: Turn, value: Answer, *, is_asked: bool = True) -> None:
        conversation, source = turn.conversation, turn.conversation.state
        turn.answer = value
        conversation.answers[source] = value
        conversation.trail.append(source)
        if source in conversation.unseen:
            conversation.unseen.remove(source)
        if not is_asked:
            conversation.unseen.append(source)
        self._trigger(turn, "answer")
        if conversation.state in conversation.trail:
            # the state was passed before: the trail ends here, so that *back* never loops
            del conversation.trail[conversation.trail.index(conversation.state) :]
        self._advance(turn)

    # -- moving

    def _trigger(self, turn: Turn, trigger: Trigger) -> None:
        conversation = turn.conversation
        if not self.flow(conversation).trigger(trigger, turn):
            raise LookupError(f"no edge leaves {conversation.flow}.{conversation.state} by {trigger}")

    def _begin(self, turn: Turn, name: str, answers: dict[str, Answer]) -> None:
        conversation, flow = turn.conversation, self.flows[name]
        conversation.flow, conversation.version, conversation.state = name, flow.version, START
        conversation.answers, conversation.labels, conversation.trail, conversation.unseen = answers, {}, [], []
        conversation.over = False
        self._trigger(turn, "begin")

    def _advance(self, turn: Turn) -> None:
        """Follows edges until the conversation waits for the person or for a command."""
        conversation = turn.conversation
        while conversation.state.startswith(FLOW_ENTRY):
            self._enter_flow(turn)
        state = self.state(conversation)
        if isinstance(state, PagedList) and state.empty and not conversation.choices:
            self._trigger(turn, "skip")
            self._advance(turn)
        elif isinstance(state, PagedList) and state.pick_single and len(conversation.choices) == 1:
            self._take(turn, "1", is_asked=False)
        elif state.is_question and (typed := conversation.prefill.pop(state.name, None)) is not None:
            self._take(turn, typed)

    def _enter_flow(self, turn: Turn) -> None:
        """Goes from `@flow:carried:answers`, where an edge into another flow leads, to that flow."""
        conversation = turn.conversation
        flow, *carried = conversation.state[len(FLOW_ENTRY) :].split(":")
        trail = conversation.trail
        frame = self._frame(conversation, trail[-1], trail[:-1]) if trail else None
        if flow == SUGGESTED:
            flow = str(conversation.answers[SUGGESTED_FLOW])
        self._enter(turn, flow, {name: conversation.answers[name] for name in carried}, frame)

    def _enter(self, turn: Turn, flow: str, answers: dict[str, Answer], left_at: Frame | None) -> None:
        """Begins a flow. *Back* from its first screen returns to `left_at`, if there is one."""
        return_stack = [] if flow == self.home or left_at is None else [*turn.conversation.return_stack, left_at]
        self._begin(turn, flow, answers)
        turn.conversation.return_stack = return_stack

    def _frame(self, conversation: Conversation, state: str, trail: list[str]) -> Frame:
        return Frame(
            conversation.flow, state, conversation.answers, conversation.labels, trail, list(conversation.unseen)
        )

    def _back(self, turn: Turn) -> None:
        conversation = turn.conversation
        if conversation.guess or conversation.side_prompt == "person":
            prompts.clear(conversation)
            conversation.misses = 0
        elif conversation.side_prompt:
            return
        elif conversation.pages:
            conversation.pages.pop()
            conversation.problem = []
        else:
            self._step_back(turn)
            while conversation.state in conversation.unseen:
                conversation.unseen.remove(conversation.state)
                self._step_back(turn)

    def _step_back(self, turn: Turn) -> None:
        """Goes to the state that was answered before this one, seen or not; else out of the flow."""
        conversation = turn.conversation
        if not self.flow(conversation).trigger("back", turn):
            self.open(turn, self.home)
        elif conversation.state == RETURN:
            self._return(turn)
        else:
            conversation.trail.pop()

    def _turn_the_page(self, turn: Turn) -> bool:
        """Shows the next page of a list; False if there is none, or a side prompt is shown."""
        turn.fields = Fields(turn, self.flow(turn.conversation))
        return not prompts.current(turn.conversation) and self.flow(turn.conversation).trigger("more", turn)

    def _return(self, turn: Turn) -> None:
        """Leaves a flow for the state it was entered from, or for home if that state is gone."""
        conversation = turn.conversation
        frame = conversation.return_stack.pop() if conversation.return_stack else None
        flow = self.flows.get(frame.flow) if frame else None
        if frame is None or flow is None or frame.state not in flow.states:
            self.open(turn, self.home)
            return
        conversation.flow, conversation.version = flow.name, flow.version
        conversation.state, conversation.trail, conversation.unseen = frame.state, list(frame.trail), list(frame.unseen)
        conversation.answers, conversation.labels = dict(frame.answers), dict(frame.labels)
        self.state(conversation).prepare(turn)

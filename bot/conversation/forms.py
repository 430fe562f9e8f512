"""A form of a page is a dialogue that is given all of its answers ahead: the same checks, commands and words.

    forms.send("+254712345678", "sw", key, "accept", {"code": "K7P4", "part": "2", "days": "5"})
        FormReply("Oda K7P4 ni yako …", is_done=True)

What the dialogue still asks, or asks again because an answer was refused, is the answer to the form.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import structs

from bot.conversation.claims import CALL_WAIT_S, Claim, ClaimedTooLongError, LostClaimError
from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import MAX_ATTEMPTS, OUT_OF_REACH, HopResources, HopSecrets, attempt, load_profile
from bot.messaging import rendering
from bot.messaging.form_replies import FormReply
from flows.kit import LONG_SMS, Conversation
from flows.reading.folding import clean

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of all people, each under the claim of its person, like a call or a text."""

    runner: DialogueRunner
    resources: HopResources

    def send(self, msisdn: str, language: str, key: str, flow: str, answers: Mapping[str, str]) -> FormReply:
        """Open a flow with these answers, and perform its command once for the same key, flow and answers.

        `language` is that of a person who has chosen none. If the person is in another call or text for too long, the
        reply says to try again.
        """
        given = {name: typed for name, typed in ((name, clean(typed)) for name, typed in answers.items()) if typed}
        written = [f"{name}={typed}" for name, typed in sorted(given.items())]
        conversation_id = self.runner.hash("form", msisdn, key, flow, *written)
        for _ in range(MAX_ATTEMPTS):
            try:
                with self.resources.claims.open(msisdn, CALL_WAIT_S) as claim:
                    return attempt(
                        claim,
                        self.runner.peppers,
                        lambda secrets: self._send(claim, secrets, language, conversation_id, flow, given),
                    )
            except ClaimedTooLongError:
                break
            except LostClaimError:
                log.warning("a form has lost its claim")
        return FormReply(rendering.words(language).text(OUT_OF_REACH), is_done=False)

    def _send(
        self,
        claim: Claim,
        secrets: HopSecrets,
        language: str,
        conversation_id: str,
        flow: str,
        given: Mapping[str, str],
    ) -> FormReply:
        engine = self.runner.engine
        with self.resources.context(claim, secrets) as context:
            person = load_profile(context, None)
            person = structs.replace(person, language=person.language or language)
            turn = self.runner.turn(Conversation(conversation_id), person, context.market, LONG_SMS)
            turn.can_ask = False
            engine.open(turn, flow, given)
            self.runner.perform(turn, context)
            asks = "" if turn.conversation.over or turn.outcome else turn.conversation.state
            problem = turn.conversation.problem
            words = problem[0] if problem else engine.screen(turn).bodies[0]
            is_done = turn.outcome is not None and turn.outcome.kind == "done"
            return FormReply(words, is_done, asks, str(turn.get("code", "")) if is_done else "")

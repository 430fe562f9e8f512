"""The conversation service: handles the calls, texts, ends of calls and delivery reports that providers post."""

from __future__ import annotations

from bot.conversation.calls import CallHandler
from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import HopResources
from bot.conversation.texts import TextHandler
from bot.messaging import reports
from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd


class ConversationService:
    """The `InboundHandler` of this service: passes each request to the class that handles it."""

    def __init__(
        self, runner: DialogueRunner, resources: HopResources, own_numbers: frozenset[str] = frozenset()
    ) -> None:
        self.runner, self.resources, self.own_numbers = runner, resources, own_numbers
        self._calls = CallHandler(runner, resources)
        self._texts = TextHandler(runner, resources, own_numbers)

    def ussd(self, inbound: Inbound) -> str:
        return self._calls.answer(inbound)

    def error_screen(self, msisdn: str | None) -> str:
        return self._calls.error_screen(msisdn)

    def session_ended(self, end: SessionEnd) -> None:
        self._calls.session_ended(end)

    def sms(self, inbound: Inbound) -> None:
        self._texts.receive(inbound)

    def report(self, report: DeliveryReport) -> None:
        with self.resources.database.writing.begin() as session:
            reports.apply(session.connection(), report, self.resources.ids, self.resources.clock())

    def opted_out(self, msisdn: str, how: str) -> None:
        with self.resources.database.writing.begin() as session:
            reports.opt_out(session.connection(), msisdn, how, self.resources.clock())

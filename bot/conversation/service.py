"""The conversation service: handles the calls, texts, ends of calls and delivery reports that providers post."""

from __future__ import annotations

import logging

import msgspec

from bot.conversation import kept_requests
from bot.conversation.calls import CallHandler
from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import HopResources
from bot.conversation.kept_requests import KeptRequest
from bot.conversation.texts import TextHandler
from bot.messaging import reports
from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)


class ConversationService:
    """The `InboundHandler` of this service: passes each request to the class that handles it.

    A text, delivery report or opt-out that cannot be handled now is kept, and handled later by a worker. Only if it
    cannot be kept either, the error is raised.
    """

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
        self._handle_or_keep(KeptRequest(text=inbound))

    def report(self, report: DeliveryReport) -> None:
        self._handle_or_keep(KeptRequest(report=report))

    def opted_out(self, msisdn: str, how: str) -> None:
        self._handle_or_keep(KeptRequest(opt_out=(msisdn, how)))

    def handle_kept(self, job: Job) -> None:
        """Handle a request that was kept; the worker's handler of `kept_requests.KIND`."""
        try:
            self._handle(msgspec.convert(job.payload, KeptRequest))
        except Exception as error:
            if job.attempts > kept_requests.QUICK_ATTEMPTS:
                raise
            wait, name = kept_requests.FIRST_WAIT * 2**job.attempts, type(error).__name__
            log.warning("a request is kept for longer", extra={"attempts": job.attempts, "reason": name})
            with self.resources.database.writing.begin() as session:
                outbox.retry(session.connection(), job, due_at=self.resources.clock() + wait, error=name)

    def _handle_or_keep(self, request: KeptRequest) -> None:
        try:
            self._handle(request)
        except Exception:
            if not kept_requests.may_be_kept(request):
                raise
            log.exception("a request could not be handled; it is kept and handled later")
            self._keep(request)

    def _handle(self, request: KeptRequest) -> None:
        if request.text:
            self._texts.receive(request.text)
            return
        with self.resources.database.writing.begin() as session:
            conn, now = session.connection(), self.resources.clock()
            if request.report:
                reports.apply(conn, request.report, self.resources.ids, now)
            elif request.opt_out:
                reports.opt_out(conn, *request.opt_out, now)

    def _keep(self, request: KeptRequest) -> None:
        with self.resources.database.writing.begin() as session:
            kept_requests.add(session.connection(), request, self._key(request), self.resources.clock())

    def _key(self, request: KeptRequest) -> str:
        if request.text:
            return self.runner.key(request.text)
        return self.runner.hash(msgspec.json.encode(request).decode())

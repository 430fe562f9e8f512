"""A handler that records what adapters tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.providers.collector_contracts import Captured, PaybillNotice, RefundStatus
from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd
from bot.providers.payment_contracts import PaymentCallback


@dataclass(frozen=True, slots=True)
class Hint:
    """Something was posted about a payment with one of these names."""

    names: tuple[str, ...]


class CollectionRecorder:
    """Adds what it is told about buyers' payments to `recorded`."""

    def __init__(self, recorded: list[object] | None = None) -> None:
        self.recorded = [] if recorded is None else recorded
        self.provider_ids: list[str | None] = []
        """The provider's ids of the charges that were told, in order."""

    def on_hint(self, collector: str, provider_id: str, event_id: str | None = None) -> None:
        self.recorded.append((collector, provider_id, event_id))

    def on_charge(self, token: str, captured: Captured | None, provider_id: str | None = None) -> None:
        self.recorded.append((token, captured))
        self.provider_ids.append(provider_id)

    def on_answer(self, token: str, answer: Captured | RefundStatus | None) -> None:
        self.recorded.append((token, answer))

    def on_paybill(self, collector: str, notice: PaybillNotice) -> None:
        self.recorded.append((collector, notice))


class CallbackRecorder:
    """Takes messages, calls and payment callbacks. Answers each hop with `screen`, or raises `error`."""

    def __init__(self) -> None:
        self.recorded: list[object] = []
        self.callbacks: list[PaymentCallback] = []
        self.collections = CollectionRecorder(self.recorded)
        self.screen = "CON Soko\n1. Sell something"
        self.error: Exception | None = None

    def ussd(self, inbound: Inbound) -> str:
        self.recorded.append(inbound)
        if self.error:
            raise self.error
        return self.screen

    def error_screen(self, msisdn: str | None) -> str:
        return f"END Sorry, {msisdn or 'unknown caller'}"

    def sms(self, inbound: Inbound) -> None:
        self.recorded.append(inbound)

    def session_ended(self, end: SessionEnd) -> None:
        self.recorded.append(end)

    def report(self, report: DeliveryReport) -> None:
        self.recorded.append(report)

    def opted_out(self, msisdn: str, how: str) -> None:
        self.recorded.append((msisdn, how))

    def on_result(self, provider: str, token: str, callback: PaymentCallback) -> None:
        self.recorded.append((token, callback))
        self.callbacks.append(callback)

    def on_hint(self, provider: str, names: Sequence[str]) -> None:
        self.recorded.append(Hint(tuple(names)))

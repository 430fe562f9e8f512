"""A hall that writes down what it was told, for the providers' side of the border."""

from __future__ import annotations

from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd


class RecordingHall:
    """Answers every hop alike; with `breaks` it fails as the real one might."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.screen = "CON Soko\n1. Sell something"
        self.breaks: Exception | None = None

    def ussd(self, inbound: Inbound) -> str:
        self.heard.append(inbound)
        if self.breaks:
            raise self.breaks
        return self.screen

    def error_screen(self, msisdn: str | None) -> str:
        return f"END Sorry, {msisdn or 'whoever you are'}"

    def sms(self, inbound: Inbound) -> None:
        self.heard.append(inbound)

    def session_ended(self, end: SessionEnd) -> None:
        self.heard.append(end)

    def report(self, report: DeliveryReport) -> None:
        self.heard.append(report)

    def opted_out(self, msisdn: str, how: str) -> None:
        self.heard.append((msisdn, how))

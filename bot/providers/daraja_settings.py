"""The environment variables of Safaricom Daraja."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from bot.runtime.keys import values_of
from bot.runtime.setting_types import BaseUrl, WebhookSecret
from bot.runtime.settings import ConflictingSettingError, Settings

NAME = "daraja"
COLLECTOR = "mpesa"
CURRENCY = "KES"
Shortcode = Annotated[str | None, Field(pattern=r"^[0-9]{5,7}$")]


class DarajaSettings(Settings):
    """Of the account, of payouts by B2C, and of collecting by M-PESA Express."""

    daraja_base_url: BaseUrl = None
    daraja_consumer_key: str | None = None
    daraja_consumer_secret: str | None = None
    daraja_shortcode: Shortcode = None
    daraja_initiator: str | None = None
    daraja_security_credential: str | None = None
    daraja_express_shortcode: Shortcode = None
    daraja_express_passkey: str | None = None
    daraja_webhook_secret: WebhookSecret | None = None

    @property
    def callback_secrets(self) -> tuple[str, ...]:
        """The secrets that a path of a callback may have, the one in use first.

        In development that of other providers is good enough. In production they must not know it, so there is none.
        """
        return values_of(self.daraja_webhook_secret or (self.webhook_secret if self.development else ""))

    def _unsafe_values(self) -> Iterator[str]:
        yield from super()._unsafe_values()
        for use in self._uses():
            if not self.daraja_webhook_secret:
                yield f"DARAJA_WEBHOOK_SECRET must be set when ENVIRONMENT is production and {use}"

    def _uses(self) -> Iterator[str]:
        """For what Daraja is used, as the settings say it."""
        if self.payout_provider == NAME:
            yield "PAYOUT_PROVIDER is daraja"
        if COLLECTOR in self.used_collectors:
            yield "COLLECTORS has mpesa"

    @model_validator(mode="after")
    def _daraja_uses_shillings(self) -> DarajaSettings:
        for use in self._uses():
            if self.currency != CURRENCY:
                raise ConflictingSettingError("CURRENCY", f"must be KES when {use}, which uses shillings")
        return self

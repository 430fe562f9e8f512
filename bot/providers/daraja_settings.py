"""The environment variables of Safaricom Daraja."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from bot.runtime.keys import values_of
from bot.runtime.setting_types import BaseUrl, WebhookSecret
from bot.runtime.settings import ConflictingSettingError, Settings

NAME = "daraja"
CURRENCY = "KES"


class DarajaSettings(Settings):
    """The environment variables of this provider."""

    daraja_base_url: BaseUrl = None
    daraja_consumer_key: str | None = None
    daraja_consumer_secret: str | None = None
    daraja_shortcode: Annotated[str | None, Field(pattern=r"^[0-9]{5,7}$")] = None
    daraja_initiator: str | None = None
    daraja_security_credential: str | None = None
    daraja_webhook_secret: WebhookSecret | None = None

    @property
    def callback_secrets(self) -> tuple[str, ...]:
        """The secrets that a path of a callback may have, the one in use first.

        In development that of other providers is good enough. In production they must not know it, so there is none.
        """
        return values_of(self.daraja_webhook_secret or (self.webhook_secret if self.development else ""))

    def _unsafe_values(self) -> Iterator[str]:
        yield from super()._unsafe_values()
        if self.payout_provider == NAME and not self.daraja_webhook_secret:
            yield "DARAJA_WEBHOOK_SECRET must be set when ENVIRONMENT is production and PAYOUT_PROVIDER is daraja"

    @model_validator(mode="after")
    def _daraja_pays_shillings(self) -> DarajaSettings:
        if self.payout_provider == NAME and self.currency != CURRENCY:
            raise ConflictingSettingError(
                "CURRENCY", "must be KES when PAYOUT_PROVIDER is daraja, which pays shillings"
            )
        return self

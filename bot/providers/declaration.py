"""The declaration of a provider in its adapter file, from which the registry sets it up.

PROVIDER = Provider(
    name="pigeon",
    settings=PigeonSettings,
    needs=("pigeon_key",),
    blueprint=lambda settings, handlers: routes(handlers.messages, settings.webhook_secrets),
    sender=lambda settings, workers: Pigeon(settings.pigeon_key or "", workers=workers),
)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from wsgiref.types import WSGIApplication

from flask import Blueprint

from bot.providers.collector_contracts import Collector, CollectorCallbackHandler
from bot.providers.contracts import InboundHandler, MediaFetcher, Sender
from bot.providers.payment_contracts import Payer, PaymentCallbackHandler, Wallet
from bot.runtime.clock import Clock
from bot.runtime.settings import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of providers' requests: of messages and calls, of results of payouts, and of buyers' payments."""

    messages: InboundHandler
    payments: PaymentCallbackHandler
    collections: CollectorCallbackHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[S]):
    """One provider. `settings` has its own environment variables; the provider needs those in `needs`.

    A provider with a `sender` can be named in `SMS_PROVIDER`, one with a `payer` in `PAYOUT_PROVIDER`, one with a
    `collector` in `COLLECTORS`. Its callbacks are always mounted: reports of earlier messages still arrive after a
    change of provider.
    """

    name: str
    settings: type[S]
    needs: tuple[str, ...] = ()
    blueprint: Callable[[S, Handlers], Blueprint] | None = None
    """The routes of its callbacks."""
    fast_path: Callable[[WSGIApplication, S, Handlers], WSGIApplication] | None = None
    """Wraps the application and answers its most frequent request without Flask."""
    hop_paths: Callable[[S], Sequence[str]] | None = None
    """The paths of its USSD hops, which are answered in seconds and have threads of their own."""
    secret_paths: Callable[[S], Sequence[str]] | None = None
    """The paths above its callbacks if a secret in them authenticates them; strangers cannot take their threads."""
    own_number: Callable[[S], str | None] | None = None
    """The number or sender ID of our messages. A message from it is ignored, because we would answer ourselves."""
    sender: Callable[[S, int], Sender] | None = None
    """Called with the settings and the number of threads that may send at once."""
    carries_whatsapp: bool = False
    """True if the sender also sends WhatsApp messages."""
    media_fetcher: Callable[[S, int], MediaFetcher] | None = None
    """Called with the settings and the number of threads that may fetch at once."""
    payer: Callable[[S, Clock], Payer] | None = None
    wallet: Wallet | None = None
    """What the payer pays into; a provider with a `payer` needs it."""
    collector: Callable[[S, Clock], Collector] | None = None
    check_account: Callable[[S, Clock], object] | None = None
    """Asks the provider something harmless that needs our credentials. Raises ProviderError; MISCONFIGURED if it
    refuses them."""
    paybill: Callable[[S], str] | None = None
    """The number to which buyers can pay the collector without being asked."""

    def own_settings(self, settings: Settings) -> S:
        """The process's settings as this provider's type. Raises TypeError when the registry did not make them."""
        if not isinstance(settings, self.settings):
            raise TypeError(f"these settings lack those of {self.name}; make them with the registry")
        return settings

"""All providers, and the settings, routes and senders that are built from their declarations.

A new provider is one adapter file, whose `PROVIDER` declares it, and one line in `PROVIDERS`.
The simulator is not an adapter: the worker adds it where it may run (`bot/simulator/providers.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal
from wsgiref.types import WSGIApplication

from flask import Blueprint
from pydantic import Field, create_model, field_validator, model_validator

from bot.providers import africastalking, daraja, mpesa_express, stripe_checkout, twilio
from bot.providers.collector_contracts import Collector, CollectorMethod
from bot.providers.contracts import MediaFetcher, Sender
from bot.providers.declaration import Handlers, Provider
from bot.providers.errors import FetchError, Reason
from bot.providers.payment_contracts import Payer, Wallet
from bot.runtime import settings as runtime
from bot.runtime.clock import Clock, system_clock
from bot.runtime.settings import NO_COLLECTOR, NO_PAYER, SIMULATOR, ConflictingSettingError, Settings

PROVIDERS: tuple[Provider[Any], ...] = (
    africastalking.PROVIDER,
    twilio.PROVIDER,
    daraja.PROVIDER,
    mpesa_express.PROVIDER,
    stripe_checkout.PROVIDER,
)


# -- settings


def load_settings() -> Settings:
    """The settings of this process, from the environment; a wrong one ends it with one line that names the variable."""
    return runtime.load(settings_class())


def make_settings(**values: Any) -> Settings:
    """Settings with these values, all others from the environment. Raises pydantic.ValidationError."""
    return settings_class()(**values)


def settings_class() -> type[Settings]:
    """The class of settings with the variables of all providers; only their names are valid names of providers."""
    return _settings_class(PROVIDERS)


@lru_cache(maxsize=4)
def _settings_class(providers: tuple[Provider[Any], ...]) -> type[Settings]:
    sms = (SIMULATOR, *(provider.name for provider in providers if provider.sender))
    payouts = (SIMULATOR, NO_PAYER, *(provider.name for provider in providers if provider.payer))
    collecting = (SIMULATOR, *(provider.name for provider in providers if provider.collector))
    own = dict.fromkeys(provider.settings for provider in providers if provider.settings is not Settings)

    def known_routes(value: dict[str, str]) -> dict[str, str]:
        if not set(value.values()) <= set(sms):
            raise ValueError(runtime.TAKES_ROUTES)
        return value

    def known_rates(value: dict[str, float]) -> dict[str, float]:
        if not set(value) <= set(sms):
            raise ValueError(runtime.TAKES_RATES)
        return value

    def known_collectors(value: list[str] | None) -> list[str] | None:
        if value not in (None, [NO_COLLECTOR]) and not set(value or ()) <= set(collecting):
            raise ValueError(f"takes some of {','.join(collecting)}, or {NO_COLLECTOR}")
        return value

    def needs_are_set(chosen: Settings) -> Settings:
        for kind, used in (
            ("SMS provider", chosen.sms_providers),
            ("payout provider", {chosen.payout_provider}),
            ("collector", chosen.used_collectors),
        ):
            for name in (name for provider in providers if provider.name in used for name in provider.needs):
                if getattr(chosen, name) is None:
                    raise ConflictingSettingError(name.upper(), f"is needed by the {kind} that is set")
        return chosen

    names: dict[str, Any] = {
        "sms_provider": (Literal[sms], SIMULATOR),
        "sms_fallover": (Literal[sms] | None, None),
        "payout_provider": (Literal[payouts], Field(default_factory=runtime.payout_provider_by_default)),
    }
    checks: dict[str, Any] = {
        "known_routes": field_validator("sms_routes")(known_routes),
        "known_rates": field_validator("sms_rates")(known_rates),
        "known_collectors": field_validator("collectors")(known_collectors),
        "needs_are_set": model_validator(mode="after")(needs_are_set),
    }
    return create_model("AllSettings", __base__=(*own, Settings), __validators__=checks, **names)


# -- callbacks


def blueprints(settings: Settings, handlers: Handlers) -> Iterator[Blueprint]:
    """The callbacks of all providers."""
    for provider in PROVIDERS:
        if provider.blueprint:
            yield provider.blueprint(provider.own_settings(settings), handlers)


def with_fast_paths(app: WSGIApplication, settings: Settings, handlers: Handlers) -> WSGIApplication:
    """The application inside the fast paths that providers declare."""
    for provider in PROVIDERS:
        if provider.fast_path:
            app = provider.fast_path(app, provider.own_settings(settings), handlers)
    return app


def hop_paths(settings: Settings) -> list[str]:
    """The paths of USSD hops."""
    each = (provider.hop_paths(provider.own_settings(settings)) for provider in PROVIDERS if provider.hop_paths)
    return [path for paths in each for path in paths]


def secret_paths(settings: Settings) -> list[str]:
    """The paths, each with a secret in it, above the callbacks that it authenticates."""
    each = (provider.secret_paths(provider.own_settings(settings)) for provider in PROVIDERS if provider.secret_paths)
    return [path for paths in each for path in paths]


def own_numbers(settings: Settings) -> frozenset[str]:
    """The numbers and sender IDs that our own messages come from."""
    numbers = [provider.own_number(provider.own_settings(settings)) for provider in PROVIDERS if provider.own_number]
    return frozenset(filter(None, numbers))


# -- accounts


def used(settings: Settings) -> frozenset[str]:
    """The names of all providers that send, pay or collect with these settings."""
    names = {*settings.sms_providers, settings.payout_provider, *settings.used_collectors, whatsapp_provider(settings)}
    return frozenset(filter(None, names))


def check_account(name: str, settings: Settings, clock: Clock) -> None:
    """Ask a provider something harmless that needs our credentials. Raises ProviderError."""
    provider = next(provider for provider in PROVIDERS if provider.name == name)
    if provider.check_account:
        provider.check_account(provider.own_settings(settings), clock)


# -- for workers; `more` are providers that are not adapters


def senders(settings: Settings, workers: int, more: Sequence[Provider[Any]] = ()) -> Mapping[str, Sender]:
    """The providers that the settings choose for messages, and the one for WhatsApp, by name."""
    chosen = {*settings.sms_providers, whatsapp_provider(settings, more)}
    return {
        provider.name: provider.sender(provider.own_settings(settings), workers)
        for provider in (*PROVIDERS, *more)
        if provider.sender and provider.name in chosen
    }


def whatsapp_provider(settings: Settings, more: Sequence[Provider[Any]] = ()) -> str | None:
    """The first provider that can send WhatsApp messages and is set up; another one may send the SMS."""
    able = (provider for provider in (*PROVIDERS, *more) if provider.carries_whatsapp)
    return next((each.name for each in able if all(getattr(settings, need) for need in each.needs)), None)


def payer(settings: Settings, clock: Clock, more: Sequence[Provider[Any]] = ()) -> Payer | None:
    """The provider that the settings choose for payouts; None if they choose none."""
    chosen = (
        provider.payer(provider.own_settings(settings), clock)
        for provider in (*PROVIDERS, *more)
        if provider.payer and provider.name == settings.payout_provider
    )
    return next(chosen, None)


def collectors(settings: Settings, clock: Clock, more: Sequence[Provider[Any]] = ()) -> Sequence[Collector]:
    """The providers that the settings choose for collecting, in the order of `COLLECTORS`."""
    return [
        provider.collector(provider.own_settings(settings), clock)
        for name in settings.used_collectors
        for provider in (*PROVIDERS, *more)
        if provider.collector and provider.name == name
    ]


def collectors_by_method(settings: Settings) -> Mapping[CollectorMethod, str]:
    """By method of payment, the name of the first collector that the settings choose for it.

    The simulator collects by both methods; its cards are charged by the simulated Stripe, under Stripe's name.
    """
    chosen: dict[CollectorMethod, str] = {}
    for name in settings.used_collectors:
        if name == SIMULATOR:
            own: Mapping[CollectorMethod, str] = {"mpesa": SIMULATOR, "card": stripe_checkout.NAME}
        else:
            own = {each.method: name for each in collectors(settings, system_clock) if each.name == name}
        chosen = {**own, **chosen}
    return chosen


def paybill(settings: Settings) -> str:
    """The number to which buyers can pay by themselves; empty if there is none. The simulator has each provider's."""
    chosen = collectors_by_method(settings).get("mpesa")
    named = (each for each in PROVIDERS if each.paybill and chosen in (each.name, SIMULATOR))
    return next((each.paybill(each.own_settings(settings)) for each in named if each.paybill), "")


def wallet(settings: Settings) -> Wallet:
    """What the chosen provider of payouts pays into. Without one, and simulated, it is M-PESA in any country."""
    wallets = (provider.wallet for provider in PROVIDERS if provider.name == settings.payout_provider)
    return next(filter(None, wallets), Wallet("M-PESA", settings.country))


class AnyMediaFetcher:
    """Fetches a picture from the provider that stores it."""

    def __init__(self, fetchers: Sequence[MediaFetcher]) -> None:
        self._fetchers = fetchers

    def keeps(self, url: str) -> bool:
        return any(fetcher.keeps(url) for fetcher in self._fetchers)

    def fetch(self, url: str, limit: int) -> bytes:
        for fetcher in self._fetchers:
            if fetcher.keeps(url):
                return fetcher.fetch(url, limit)
        raise FetchError(Reason.REFUSED, "not_our_media")


def media_fetcher(settings: Settings, workers: int, more: Sequence[Provider[Any]] = ()) -> MediaFetcher:
    """Fetches pictures from all providers that store some."""
    return AnyMediaFetcher(
        [
            provider.media_fetcher(provider.own_settings(settings), workers)
            for provider in (*more, *PROVIDERS)
            if provider.media_fetcher
        ]
    )

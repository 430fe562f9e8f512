"""All settings, read once from the environment and validated before anything starts.

A wrong value ends the process with one line: `PORT: 'http' is wrong: input should be a valid integer, …`
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

import locales
from bot.runtime import hardening
from bot.runtime.keys import Keys, values_of
from bot.runtime.setting_types import (
    COMMA_LIST,
    PAIRS,
    BaseUrl,
    Country,
    Currency,
    Days,
    Hours,
    KeptDays,
    Rate,
    RedisUrl,
    SecretKey,
    TimeZone,
    WebhookSecret,
    is_url,
)
from state.redis_addresses import passwords

SIMULATOR = "simulator"
"""The name of the built-in provider of messages, payouts and collecting, which is valid in development only."""
NO_PAYER = "none"
"""As `PAYOUT_PROVIDER`: payouts wait until they are announced as paid elsewhere."""
NO_COLLECTOR = "none"
"""As `COLLECTORS`: buyers cannot pay us."""
# These values are published in this file, so they are refused in production.
DEVELOPMENT_SECRET = "not-a-secret-development-only"  # noqa: S105
DEVELOPMENT_WEBHOOK_SECRET = "dev"  # noqa: S105
DEVELOPMENT_API_KEY = "soko_operator_development"

TAKES_ROUTES = "takes prefixes and providers such as +254=africastalking,+1=twilio"
TAKES_RATES = "takes providers and texts a second such as africastalking=50,twilio=1"
PUBLISHED = (DEVELOPMENT_SECRET, DEVELOPMENT_WEBHOOK_SECRET, DEVELOPMENT_API_KEY)
ROTATED = ("secret_key", "webhook_secret", "daraja_webhook_secret")
"""The secrets that have two values while they are replaced."""
OWN_SECRETS = (*ROTATED, "bootstrap_api_key", "metrics_token")
"""The secrets that we make ourselves."""
HTTP_ADDRESSES = ("public_url", "_base_url", "marketplace_url")
"""How the names of settings end that are addresses of ours, of a provider or of a marketplace elsewhere."""
API = "/api/v1"
LANGUAGES = ["en", "sw", "fr", "am"]


def payout_provider_by_default(chosen: dict[str, Any]) -> str:
    """`PAYOUT_PROVIDER` where it is not set; `chosen` has the settings before it."""
    return NO_PAYER if chosen.get("environment") == "production" else SIMULATOR


class _Environment(InitSettingsSource):
    """The environment, in which an empty variable is not set; but an empty `USSD_CODE` is, and switches USSD off.

    The source of pydantic-settings examines the type of each field each time, which takes longer than all the rest.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        given = {name.lower(): value for name, value in os.environ.items() if value or name == "USSD_CODE"}
        super().__init__(settings_cls, {name: given[name] for name in settings_cls.model_fields if name in given})


class Settings(BaseSettings):
    """The settings that `docs/contract.md` section 2 lists, without those that only one provider needs.

    Each provider's own variables are declared beside its adapter, in a subclass. `bot/providers/registry.py` joins them
    and checks the names of providers.
    """

    # each provider has a subclass, and only the class with the variables of all of them is ever used
    model_config = SettingsConfigDict(extra="ignore", frozen=True, defer_build=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: BaseUrl = None
    environment: Literal["development", "production"] = "development"
    demo: bool | None = None
    log_dialogues: bool = False
    secret_key: SecretKey = DEVELOPMENT_SECRET
    webhook_secret: WebhookSecret = DEVELOPMENT_WEBHOOK_SECRET
    metrics_token: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._~+/=-]+$")] = None
    bootstrap_api_key: Annotated[str | None, Field(min_length=16)] = None
    database_url: str = "sqlite:///var/soko.db"
    database_replica_url: str | None = None
    redis_url: RedisUrl = None
    photos_dir: str = "var/photos"
    sms_provider: str = SIMULATOR
    sms_routes: Annotated[dict[str, str], PAIRS] = {}
    sms_fallover: str | None = None
    sms_rates: Annotated[dict[str, Annotated[float, Field(gt=0)]], PAIRS] = {}
    quiet_hours: Hours = "18:00-08:00"
    hourly_cap: Annotated[int, Field(ge=1)] = 60
    strangers_cap: Annotated[int, Field(ge=1)] = 2000
    payout_provider: str = Field(default_factory=payout_provider_by_default)
    collectors: Annotated[list[str] | None, COMMA_LIST] = None
    hold_above: Annotated[int, Field(ge=0)] = 20_000
    hold_first: Annotated[int, Field(ge=0)] = 0
    payout_day_cap: Annotated[int | None, Field(ge=1)] = None
    four_eyes_above: Annotated[int | None, Field(ge=0)] = None
    ussd_code: Annotated[str, Field(pattern=r"^(\*\d+(\*\d+)*#)?$")] = "*384*22#"
    sms_short_code: str = "22384"
    country: Country = "KE"
    buyer_countries: Annotated[list[Country], COMMA_LIST] = []
    currency: Currency = "KES"
    timezone: TimeZone = "Africa/Nairobi"
    languages: Annotated[list[str], COMMA_LIST, Field(min_length=1)] = LANGUAGES
    bring_days: Days = 21
    ship_days: Days = 30
    ask_delivery_days: Days = 10
    close_delivery_days: Days = 45
    keep_texts_days: KeptDays = 365
    keep_conversations_days: KeptDays = 14
    keep_addresses_days: KeptDays = 365
    keep_snapshots_days: KeptDays = 365
    commission_percent: Annotated[int, Field(ge=0, le=90)] = 10
    api_rate: Rate = "6000/minute"
    public_rate: Rate = "3000/minute"
    trusted_proxies: Annotated[int, Field(ge=0, le=9)] = 0
    marketplace_url: BaseUrl = None
    marketplace_api_key: str | None = None
    announce: Literal["on", "off"] = "on"
    web_workers: Annotated[int, Field(ge=1, le=64)] = 1
    drain_seconds: Annotated[int, Field(ge=0, le=600)] = 0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - passed by name
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - passed by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - passed by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values that are given, then the environment."""
        return init_settings, _Environment(settings_cls)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")) or not is_url(value):
            raise ValueError("takes sqlite:///path or postgresql+psycopg://user:password@host/name")
        return value

    @field_validator("database_replica_url")
    @classmethod
    def _known_replica(cls, value: str | None) -> str | None:
        if value is not None and (
            not value.startswith(("postgresql://", "postgresql+psycopg://")) or not is_url(value)
        ):
            raise ValueError("takes postgresql+psycopg://user:password@host/name")
        return value

    @field_validator("sms_routes")
    @classmethod
    def _known_prefixes(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(prefix[:1] == "+" and prefix[1:].isdigit() for prefix in value):
            raise ValueError(TAKES_ROUTES)
        return value

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, value: list[str]) -> list[str]:
        available = locales.available()
        if set(value) - set(available):
            raise ValueError(f"takes some of {','.join(available)}")
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Settings:
        if (self.marketplace_url is None) != (self.marketplace_api_key is None):
            missing = "MARKETPLACE_API_KEY" if self.marketplace_url else "MARKETPLACE_URL"
            raise ConflictingSettingError(missing, "is needed too: a remote marketplace needs its URL and an API key")
        if self.database_replica_url and self.database_url.startswith("sqlite:"):
            raise ConflictingSettingError("DATABASE_REPLICA_URL", "is for PostgreSQL, and DATABASE_URL is SQLite")
        if self.close_delivery_days <= self.ask_delivery_days:
            raise ConflictingSettingError("CLOSE_DELIVERY_DAYS", "must be more than ASK_DELIVERY_DAYS")
        problems = [*self._development_values(), *(self._unsafe_values() if not self.development else ())]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _development_values(self) -> Iterator[str]:
        """A line for each value that only a service on this machine alone may have."""
        if not self.development:
            why = "ENVIRONMENT is production"
        elif not hardening.is_loopback(self.host):
            why = "HOST is not a loopback address"
        elif self.url.startswith("https:"):
            why = "PUBLIC_URL is https"
        else:
            return
        for name in self._own_secrets():
            if set(PUBLISHED) & set(self._values(name)):
                yield f"{name.upper()} must have a value of its own when {why}"

    def _unsafe_values(self) -> Iterator[str]:
        """A line for each value that a public service may not have."""
        if self.demo:
            yield "DEMO must be off when ENVIRONMENT is production"
        for name in type(self).model_fields:
            if SIMULATOR in _named(getattr(self, name)):
                yield f"{name.upper()} must not name the simulator when ENVIRONMENT is production"
        yield from self._weak_secrets()
        for name in (name for name in type(self).model_fields if name.endswith(HTTP_ADDRESSES)):
            address = self.url if name == "public_url" else getattr(self, name)
            if address and hardening.is_exposed(address):
                yield f"{name.upper()} must be an https address when ENVIRONMENT is production"

    def _weak_secrets(self) -> Iterator[str]:
        """A line for each secret of ours that can be guessed, or that another one tells."""
        users: dict[str, str] = {}
        for name in self._own_secrets():
            values = self._values(name)
            if any(value not in PUBLISHED and hardening.is_guessable(value) for value in values):
                least = f"{hardening.SHORTEST_SECRET} random characters when ENVIRONMENT is production"
                yield f"{name.upper()} must be at least {least}: {hardening.HOW_TO_MAKE_ONE}"
            if other := next((users[value] for value in values if value in users), None):
                yield f"{name.upper()} must differ from {other} when ENVIRONMENT is production"
            users |= dict.fromkeys(values, name.upper())

    def _own_secrets(self) -> list[str]:
        """The names of our secrets among these settings."""
        return [name for name in OWN_SECRETS if name in type(self).model_fields]

    def _values(self, name: str) -> tuple[str, ...]:
        """The values of a secret: one, more while it is replaced, or none."""
        value = self.operator_key if name == "bootstrap_api_key" else getattr(self, name)
        if not value:
            return ()
        return values_of(value) if name in ROTATED else (value,)

    @property
    def keys(self) -> Keys:
        """The keys that are derived from `SECRET_KEY`."""
        return Keys.of(self.secret_key)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that a path of a callback may have; the one in use first."""
        return values_of(self.webhook_secret)

    @property
    def sms_providers(self) -> set[str]:
        """The names of all providers that may be asked to send a message."""
        return {self.sms_provider, *self.sms_routes.values(), *filter(None, [self.sms_fallover])}

    @property
    def used_collectors(self) -> tuple[str, ...]:
        """The names of the providers by which buyers pay: in development the simulator, unless others are set."""
        if self.collectors is None:
            return (SIMULATOR,) if self.development else ()
        return () if self.collectors == [NO_COLLECTOR] else tuple(dict.fromkeys(self.collectors))

    @property
    def quiet_period(self) -> tuple[time, time]:
        """The times of day at which quiet hours begin and end."""
        begins, ends = map(time.fromisoformat, self.quiet_hours.split("-"))
        return begins, ends

    @property
    def texted_countries(self) -> frozenset[str]:
        """The countries whose phones are texted about an order that is neither paid nor confirmed."""
        return frozenset(self.buyer_countries or [self.country])

    @property
    def url(self) -> str:
        """The public URL of this service, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def marketplace_api(self) -> str | None:
        """The root of the remote marketplace's API; `MARKETPLACE_URL` may have its path or not."""
        url = self.marketplace_url
        return url and (url if url.endswith(API) else url + API)

    @property
    def development(self) -> bool:
        return self.environment == "development"

    @property
    def secrets(self) -> list[str]:
        """The values that no log may have: keys, tokens and passwords, also those in the URLs of stores."""
        values = [value for name in type(self).model_fields if is_secret(name) for value in self._values(name)]
        urls = [url for url in (self.database_url, self.database_replica_url, self.redis_url) if url]
        return [*values, *(word for url in urls for word in passwords(url))]

    @property
    def operator_key(self) -> str | None:
        """The API key of scope `operator` from the settings; in development there is always one."""
        return self.bootstrap_api_key or (DEVELOPMENT_API_KEY if self.development else None)


def _named(value: object) -> Collection[object]:
    """What a setting names: itself, or what is in its list or mapping."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else [value]


def is_secret(name: str) -> bool:
    """True for the name of a setting or variable whose value is shown to nobody."""
    return any(word in name.upper() for word in ("SECRET", "KEY", "TOKEN", "CREDENTIAL"))


class ConflictingSettingError(ValueError):
    """The value of a setting is not possible together with the value of another one."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable} {problem}")


def load(kind: type[Settings]) -> Settings:
    """Settings of this kind, from the environment. A wrong one ends the process with one line that names it."""
    try:
        return kind()
    except ValidationError as error:
        raise SystemExit(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    """The first error as a line: the variable, its value and the allowed values. The value of a secret is left out."""
    first = error.errors(include_url=False)[0]
    allowed = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return allowed
    variable = str(first["loc"][0]).upper()
    is_shown = not is_secret(variable) and "URL" not in variable
    given = repr(os.environ.get(variable, first["input"])) if is_shown else "what it got"
    return f"{variable}: {given} is wrong: {allowed[0].lower()}{allowed[1:]}"

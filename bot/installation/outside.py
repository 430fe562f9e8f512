"""Checks of what is outside: the providers' accounts, our public address and its certificate, a remote marketplace."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from bot.providers import registry
from bot.providers.errors import ProviderError, Reason
from bot.runtime.settings import SIMULATOR

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 10.0
CERTIFICATE_LEFT = timedelta(days=14)
"""Certificates of Let's Encrypt are renewed 30 days before their end."""
CALLBACK = "/webhooks/doctor"
"""Below the address of all callbacks, and no callback itself: our own answer to it is 404 with our headers."""
NOT_IN_DEVELOPMENT = "not needed in development"
OURS = "X-Request-ID"
"""A header of all of our answers, which no proxy's own page has."""


def _account(name: str, installation: Installation) -> CheckFinding:
    if name not in registry.used(installation.settings):
        return well("not used")
    try:
        registry.check_account(name, installation.settings, installation.services.clock)
    except ProviderError as error:
        if error.reason is Reason.MISCONFIGURED:
            remedy = "Compare the credentials in the settings with those on the provider's dashboard."
            return wrong(f"{name} refuses our credentials: {error.detail}", remedy)
        remedy = "Try again later; if it persists, look whether this machine may connect to the provider."
        words = dict.fromkeys((error.reason.word, error.detail))  # often the same
        return wrong(f"{name} does not answer as it should: {' '.join(words)}", remedy)
    return well(f"{name} accepts our credentials")


def _callbacks(installation: Installation) -> CheckFinding:
    settings = installation.settings
    if settings.development and not settings.public_url:
        return well(NOT_IN_DEVELOPMENT)
    remedy = "Let DNS, the firewall and the proxy lead PUBLIC_URL to HOST and PORT, with all paths below it."
    health = get(f"{settings.url}/healthz")
    if health.status_code != 200 or "alive" not in health.text:
        return wrong(f"{settings.url}/healthz answers {health.status_code}, and not as Soko does", remedy)
    if OURS not in (answer := get(f"{settings.url}{CALLBACK}")).headers:
        return wrong(f"{settings.url}/webhooks/… answers {answer.status_code}, and not as Soko does", remedy)
    return well(f"{settings.url} leads to Soko")


def get(url: str) -> requests.Response:
    """The answer to a GET, as a provider would get it. Raises requests.RequestException."""
    import requests  # takes time to import

    return requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)


def _certificate(installation: Installation) -> CheckFinding:
    parts = urlsplit(installation.settings.url)
    if parts.scheme != "https":
        if installation.settings.development:
            return well(NOT_IN_DEVELOPMENT)
        return well("not needed: PUBLIC_URL is an address of this machine")
    left = certificate_ends_at(parts.hostname or "", parts.port or 443) - installation.now
    if left < CERTIFICATE_LEFT:
        return wrong(f"the certificate ends in {left.days} days", "Renew it: `certbot renew`, or what your proxy does.")
    return well(f"the certificate is good for {left.days} days")


def certificate_ends_at(host: str, port: int) -> datetime:
    """When the certificate at this address ends. Raises OSError, also if it is not trusted."""
    with (
        socket.create_connection((host, port), TIMEOUT_S) as plain,
        ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def _proxy(installation: Installation) -> CheckFinding:
    settings = installation.settings
    if settings.url.startswith("https:") and not settings.trusted_proxies:
        words = "TRUSTED_PROXIES is 0, and a proxy must be in front, because Soko itself speaks no TLS"
        return wrong(words, "Set TRUSTED_PROXIES to the number of your proxies: else all strangers share one limit.")
    return well(f"{settings.trusted_proxies} proxies in front")


def _marketplace(installation: Installation) -> CheckFinding:
    url = installation.settings.marketplace_api
    if url is None:
        return well("not used: the marketplace is our own")
    answer = _with_key(f"{url}/events?limit=1", installation.settings.marketplace_api_key or "")
    if answer.status_code != 200:
        remedy = "Compare MARKETPLACE_URL and MARKETPLACE_API_KEY (scope bridge) with those of the other service."
        return wrong(f"the marketplace answers {answer.status_code}", remedy)
    return well("the marketplace accepts our key")


def _with_key(url: str, key: str) -> requests.Response:
    import requests

    authorization = {"Authorization": f"Bearer {key}"}
    return requests.get(url, headers=authorization, timeout=TIMEOUT_S, allow_redirects=False)


PROVIDER_NAMES = tuple(provider.name for provider in registry.PROVIDERS if provider.check_account)

CHECKS = (
    *(
        InstallationCheck(f"account_{name}", f"{name} accepts our credentials", partial(_account, name))
        for name in PROVIDER_NAMES
        if name != SIMULATOR
    ),
    InstallationCheck("callbacks", "providers reach our callbacks", _callbacks),
    InstallationCheck("tls", "the certificate is good", _certificate),
    InstallationCheck("proxies", "addresses of strangers are told apart", _proxy),
    InstallationCheck("marketplace", "a remote marketplace accepts our key", _marketplace),
)

"""Shared code of adapters that call an HTTP API: sessions, access tokens, what answers contain, and why calls fail.

`requests` and the SDKs that use it are imported when a sender, payer or collector is built, which no web process does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from bot.providers import forms
from bot.providers.errors import ProviderError, Reason
from bot.runtime.clock import system_clock
from marketplace_api.backoff import retry_after

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 10.0
RENEWED_AT = 0.9
"""The share of an access token's lifetime after which a new one is fetched."""


def pooled(workers: int) -> requests.Session:
    """A session that keeps one connection open for each of `workers` threads."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=workers))
    return session


class AccessToken:
    """One access token for all threads: one of them fetches it while the others wait.

    `fetch` returns a new token and its lifetime.
    """

    def __init__(self, fetch: Callable[[], tuple[str, timedelta]], clock: Callable[[], datetime]) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = Lock()
        self._value = ""
        self._valid_until: datetime | None = None

    def get(self, *, instead_of: str | None = None) -> str:
        """The token. A new one is fetched if this one expires soon, or equals `instead_of`, which was refused."""
        with self._lock:
            if self._valid_until is None or self._clock() >= self._valid_until or self._value == instead_of:
                self._value, lifetime = self._fetch()
                self._valid_until = self._clock() + lifetime * RENEWED_AT
            return self._value


def requested_wait(headers: Mapping[str, str]) -> timedelta | None:
    """The wait in the `Retry-After` header of an answer; None if it has none. A date in it is by the real clock."""
    return retry_after(headers.get("Retry-After"), system_clock())


def json_object(body: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object in the body of an answer; None if there is none, as in the page of a proxy."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def text(fields: Mapping[str, Any], name: str) -> str:
    """A field of an answer as text; empty if it is missing or neither text nor a number.

    Providers send the same field as text or as a number: `"101"`, `101` and `101.0` are all `101`. Control characters
    are removed.
    """
    value = fields.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return forms.clean(str(value)).strip()


def broken_off(error: requests.RequestException) -> Reason:
    """The reason for a request without an answer: UNREACHABLE only if no connection was made."""
    return Reason.UNREACHABLE if _never_connected(error) else Reason.NO_ANSWER


def refused(status: int) -> Reason:
    """The reason for an answer with an HTTP status outside 2xx: a 4xx is final, except 408 and 429."""
    if status == 429:
        return Reason.THROTTLED
    if status == 401:
        return Reason.MISCONFIGURED
    if status == 408 or status >= 500:
        return Reason.PROVIDER_DOWN
    return Reason.REFUSED if 400 <= status < 500 else Reason.UNREADABLE


def check_account(request: Callable[[], requests.Response]) -> None:
    """Make a harmless request that needs our credentials. Raises ProviderError; MISCONFIGURED if they are refused."""
    import requests

    try:
        status = request().status_code
    except requests.RequestException as error:
        raise ProviderError(broken_off(error)) from error
    if not 200 <= status < 300:
        raise ProviderError(Reason.MISCONFIGURED if status == 403 else refused(status), f"http_{status}")


def _never_connected(error: requests.RequestException) -> bool:
    from requests.exceptions import ConnectTimeout, ProxyError, SSLError
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    # TLS fails at the handshake, before the request: a wrong certificate, or a wrong clock
    if isinstance(error, ConnectTimeout | ProxyError | SSLError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)

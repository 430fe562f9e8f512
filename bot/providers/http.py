"""What adapters share that call a provider's HTTP API: a session, and the reason that each failure has."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bot.providers.errors import Reason

TIMEOUT_S = 10.0


def pooled(workers: int) -> requests.Session:
    """A session that keeps one connection open for each of `workers` threads."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=workers))
    return session


def broken_off(error: requests.RequestException) -> Reason:
    """The reason of a request that got no answer: nothing was sent only if no connection was ever made."""
    return Reason.UNREACHABLE if _never_connected(error) else Reason.NO_ANSWER


def refused(status: int) -> Reason:
    """The reason of an answer with an HTTP status that is no success: a 4xx is final, except 408 and 429."""
    if status == 429:
        return Reason.THROTTLED
    if status == 401:
        return Reason.MISCONFIGURED
    if status == 408 or status >= 500:
        return Reason.PROVIDER_DOWN
    return Reason.REFUSED if 400 <= status < 500 else Reason.UNREADABLE


# TLS fails at the handshake, before the request: a wrong certificate, or a wrong clock.
_BEFORE_THE_REQUEST = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, _BEFORE_THE_REQUEST):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)

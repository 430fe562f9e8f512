"""What an HTTP API that takes texts may do to us, and what each failure means.

SendError
├── final       it said no: 4xx, a number that is none, a sender that is not ours
├── retryable   it said later, or never heard us: 408, 429, 5xx, no connection, no sense
└── unknown     it heard us, and we did not hear its answer
"""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bot.providers.contracts import SendError

TIMEOUT_S = 10.0


def pooled(hands: int) -> requests.Session:
    """A session that keeps a connection for each of that many threads; more would be opened anew each time."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=hands))
    return session


def unanswered(error: requests.RequestException) -> SendError:
    """What an exchange that broke off means: only a connection that never stood carried nothing."""
    if _never_connected(error):
        return SendError("unreachable", retryable=True)
    return SendError("no_answer", unknown=True)


def refused(reason: str, status: int) -> SendError:
    """What an answer with this HTTP status means: a 4xx is final unless it says *later*."""
    final = 400 <= status < 500 and status not in (408, 429)
    return SendError(reason, retryable=not final)


def unreadable() -> SendError:
    """An answer that makes no sense: most likely a box on the way spoke, not the provider."""
    return SendError("unreadable_answer", retryable=True)


# TLS breaks at the handshake, before the request: a certificate, a clock that is wrong.
_BEFORE_THE_REQUEST = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, _BEFORE_THE_REQUEST):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)

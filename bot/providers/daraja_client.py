"""Requests to Safaricom's Daraja API, with an access token that is fetched once for all threads and renewed in time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.providers.daraja_settings import DarajaSettings
from bot.providers.errors import PaymentError, Reason
from bot.providers.http import TIMEOUT_S, AccessToken, broken_off, json_object, pooled, requested_wait, text
from bot.runtime.clock import Clock

if TYPE_CHECKING:
    import requests

_TOKEN_CODES = frozenset({"401.002.01", "404.001.03", "400.003.01"})
_KEY_REFUSED = (400, 401)
"""The statuses for a wrong consumer key, often with an empty body; any other 4xx comes from a proxy on the way."""
WORKERS = 10
"""How many connections are kept."""
SHORT_LIFETIME = timedelta(minutes=10)
"""Of a token whose lifetime cannot be read; they usually live an hour."""


class DeniedError(Exception):
    """Our credentials are refused; nothing was done."""


class DarajaClient:
    """Posts JSON to the sandbox or the real API, as `base_url` says."""

    def __init__(
        self,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        *,
        clock: Callable[[], datetime],
        session: requests.Session | None = None,
    ) -> None:
        self._root = base_url
        self._session = session or pooled(WORKERS)
        self._key = (consumer_key, consumer_secret)
        self._token = AccessToken(self._fetch_token, clock)

    def authenticate(self) -> None:
        """Fetch an access token, which changes nothing. Raises PaymentError; MISCONFIGURED if the key is refused."""
        try:
            self._token.get()
        except DeniedError as denied:
            raise PaymentError(Reason.MISCONFIGURED, str(denied)) from denied

    def post(self, path: str, body: Mapping[str, str]) -> requests.Response:
        """The answer to a request with our access token, which is renewed once if it is refused.

        Raises PaymentError without an answer, and DeniedError if key and token are refused.
        """
        token = self._token.get()
        answer = self._exchange("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
        if not _refuses_token(answer):
            return answer
        token = self._token.get(instead_of=token)
        answer = self._exchange("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
        if _refuses_token(answer):
            raise DeniedError("the access token is refused")
        return answer

    def _fetch_token(self) -> tuple[str, timedelta]:
        """A new token and its lifetime."""
        try:
            answer = self._exchange(
                "GET", "/oauth/v1/generate", params={"grant_type": "client_credentials"}, auth=self._key
            )
        except PaymentError as error:
            raise PaymentError(Reason.UNREACHABLE, error.detail) from error  # nothing was requested yet
        if answer.status_code in _KEY_REFUSED:
            raise DeniedError("the consumer key is refused")
        token = text(fields(answer), "access_token")
        if answer.status_code != 200 or not token:
            reason = Reason.THROTTLED if answer.status_code == 429 else Reason.PROVIDER_DOWN
            raise PaymentError(reason, "no access token", retry_after=requested_wait(answer.headers))
        return token, _lifetime(text(fields(answer), "expires_in"))

    def _exchange(self, method: str, path: str, **parts: Any) -> requests.Response:
        import requests

        try:
            return self._session.request(method, self._root + path, timeout=TIMEOUT_S, allow_redirects=False, **parts)
        except requests.RequestException as error:
            raise PaymentError(broken_off(error)) from error


def of(settings: DarajaSettings, clock: Clock) -> DarajaClient:
    """A client of the account in the settings."""
    key, secret = settings.daraja_consumer_key or "", settings.daraja_consumer_secret or ""
    return DarajaClient(settings.daraja_base_url or "", key, secret, clock=clock)


def _lifetime(seconds: str) -> timedelta:
    """The lifetime of a token; a short one if the answer has none that can be read."""
    return timedelta(seconds=int(seconds)) if re.fullmatch("[0-9]{1,6}", seconds) else SHORT_LIFETIME


def _refuses_token(answer: requests.Response) -> bool:
    return answer.status_code == 401 or text(fields(answer), "errorCode") in _TOKEN_CODES


def fields(answer: requests.Response) -> Mapping[str, Any]:
    """The fields of an answer; none if it is not a JSON object."""
    return json_object(answer.content) or {}

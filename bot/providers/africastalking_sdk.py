"""Africa's Talking's SDK, changed where it sends. It is imported with the first sender; see `bot.providers.http`."""

from __future__ import annotations

from typing import Any

import requests
from africastalking.SMS import SMSService

from bot.providers.http import TIMEOUT_S


class Api(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's requests over one pooled session, with a timeout and the HTTP status.

    The SDK itself opens a connection for each message, and its exception loses the status.
    """

    def __init__(self, username: str, api_key: str, base_url: str | None, session: requests.Session) -> None:
        self._root, self._session = base_url, session
        super().__init__(username, api_key)
        # the environment's proxies and certificates, read once: a session would read them for every request
        self._environment = session.merge_environment_settings(self._baseUrl, {}, None, None, None)

    def _init_service(self) -> None:
        super()._init_service()
        if self._root:
            self._baseUrl = self._contentUrl = f"{self._root}/version1"

    def fetch_account(self) -> requests.Response:
        """Our balance, which any right key may read."""
        return self._make_request(self._make_url("/user"), "GET", self._headers, None, {"username": self._username})

    def _make_request(
        self, url: str, method: str, headers: Any, data: Any, params: Any, **_others: Any
    ) -> requests.Response:
        prepared = requests.Request(method, url, headers, data=data, params=params).prepare()
        return self._session.send(prepared, timeout=TIMEOUT_S, allow_redirects=False, **self._environment)

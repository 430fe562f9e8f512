"""Requests to Stripe's API by its SDK, with our timeout and our errors, and without retries of its own.

The SDK takes 0.15 s of CPU to import. It is imported at the first request, which the web process never makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.http import TIMEOUT_S, broken_off, json_object, requested_wait, text

if TYPE_CHECKING:
    import requests

Fields = Mapping[str, Any]


class RefusedError(PaymentError):
    """Stripe refuses this request, and did nothing; MISCONFIGURED if it refuses our key.

    `code` and `param` are its own words, or empty: https://docs.stripe.com/error-codes
    """

    def __init__(self, reason: Reason, detail: str, error: Fields) -> None:
        self.code, self.param = text(error, "code"), text(error, "param")
        super().__init__(reason, detail)


class StripeApi:
    """The API of one account. `base_url` replaces `https://api.stripe.com`."""

    def __init__(self, api_key: str, base_url: str | None, session: requests.Session) -> None:
        self._api_key, self._base_url, self._session = api_key, base_url, session

    def get(self, path: str, **parameters: Any) -> Fields:
        """The object at a path. Raises PaymentError."""
        return self._request("get", path, parameters)

    def post(self, path: str, key: str | None, **parameters: Any) -> Fields:
        """The answer to a request under an idempotency key; without one the SDK makes one. Raises PaymentError."""
        return self._request("post", path, parameters | ({"idempotency_key": key} if key else {}))

    def _request(self, method: str, path: str, parameters: Fields) -> Fields:
        from stripe import StripeError

        try:
            # the SDK's methods for each resource fail on an answer in which a nested field has an odd type
            fields: Fields = self._client.raw_request(method, path, **parameters).data
        except StripeError as error:  # the SDK could not read what `json_object` could
            raise PaymentError(Reason.NO_ANSWER, type(error).__name__) from error
        return fields

    @cached_property
    def _client(self) -> Any:
        import stripe

        stripe.enable_telemetry = False  # it writes a file to the home directory, and tells Stripe our platform
        bases = {"api": self._base_url} if self._base_url else None
        http_client = _http_client(self._session)
        return stripe.StripeClient(self._api_key, base_addresses=bases, http_client=http_client)


def _http_client(session: requests.Session) -> Any:
    """The SDK's transport over our session. It repeats nothing, follows no redirect, and returns a success only."""
    import requests
    from stripe import HTTPClient

    class SessionClient(HTTPClient):  # type: ignore[misc]  # mypy does not read the SDK, which takes ten seconds
        name = "requests"

        def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> tuple[bytes, int, Any]:
            try:
                answer = session.request(
                    method, url, headers=headers, data=post_data, timeout=TIMEOUT_S, allow_redirects=False
                )
            except requests.RequestException as error:
                raise PaymentError(broken_off(error)) from error
            if not 200 <= answer.status_code < 300 or json_object(answer.content) is None:
                raise _failure(answer)
            return answer.content, answer.status_code, answer.headers

    return SessionClient()


def _failure(answer: requests.Response) -> PaymentError:
    """What an answer that is not a success means. Stripe says that the outcome is unknown after any 5xx."""
    error = nested(json_object(answer.content) or {}, "error")
    kind = text(error, "type")
    word = text(error, "decline_code") or text(error, "code") or kind or f"http_{answer.status_code}"
    detail = f"{word} {text(error, 'message')}".strip()[:200]
    if answer.status_code == 429:
        return PaymentError(Reason.THROTTLED, detail, retry_after=requested_wait(answer.headers))
    if error and answer.status_code in (401, 403):
        return RefusedError(Reason.MISCONFIGURED, detail, error)
    if kind == "idempotency_error":
        return DuplicatePaymentError(detail)
    if error and answer.status_code in (400, 402, 404):
        return RefusedError(Reason.REFUSED, detail, error)
    # also a redirect and the page of a proxy: the request may have been accepted nevertheless
    return PaymentError(Reason.NO_ANSWER, detail, retry_after=requested_wait(answer.headers))


# What answers contain.


def nested(fields: Fields, name: str) -> Fields:
    """The object in a field; empty if there is none, or only its id, because it was not expanded."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def unreadable(what: str) -> NoReturn:
    """Raises PaymentError: the answer lacks what it always has, and what was asked for may have been done."""
    raise PaymentError(Reason.NO_ANSWER, f"no {what} in the answer")

"""Each kind of request has threads and a budget of its own, and a size for its body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client

from bot import server
from bot.app import LARGEST_EVENT, LARGEST_FORM, LARGEST_REQUEST, limits
from bot.providers import registry
from bot.web import request_bodies
from bot.web.photo_page import LARGEST_REQUEST as LARGEST_UPLOAD
from bot.web.request_limits import Limits, RequestLimits, ThreadShare
from state import deadline
from state.deadline import TimeIsUpError
from tests.service import OPERATOR_KEY, Service

USSD = "/webhooks/africastalking/dev/ussd"


class App:
    """Answers with what is left of the request's budget; `during` is called by the first request."""

    def __init__(self, during: Callable[[], object] = lambda: None) -> None:
        self.during = during

    def __call__(self, _environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        during, self.during = self.during, lambda: None
        during()
        start_response("200 OK", [])
        try:
            return [f"{deadline.remaining(1000):.0f}".encode()]
        except TimeIsUpError:
            return [b"no time"]


def client(app: App) -> Client:
    """Two shares of one thread each, one of them always answered; the rest of the paths have no share."""
    hops = Limits(ThreadShare(threads=1, wait_s=0, budget_s=4, is_always_answered=True))
    pages = Limits(ThreadShare(threads=1, wait_s=0, budget_s=10))
    return Client(RequestLimits(app, {"/hop": hops}, {"/page": pages, "": Limits(None)}))


@pytest.mark.parametrize(("path", "left"), [("/hop", "4"), ("/hop/", "4"), ("/page/one", "10"), ("/healthz", "1000")])
def test_a_request_has_the_budget_of_its_path(path: str, left: str) -> None:
    assert client(App()).get(path).text == left


def test_a_full_share_refuses_and_other_shares_still_answer() -> None:
    app = App()
    http = client(app)
    seen: list[tuple[int, str]] = []

    def while_the_share_is_full() -> None:
        for path in ("/page/two", "/hop", "/healthz"):
            answer = http.get(path)
            seen.append((answer.status_code, answer.text))
        assert http.get("/page/two").headers["Retry-After"] == "5"

    app.during = while_the_share_is_full
    http.get("/page/one")
    assert [status for status, _ in seen] == [503, 200, 200]
    assert http.get("/page/three").status_code == 200


def test_a_hop_without_a_thread_is_answered_and_has_no_time_for_a_store() -> None:
    app = App()
    http = client(app)
    seen: list[str] = []
    app.during = lambda: seen.append(http.get("/hop").text)

    assert http.get("/hop").text == "4"
    assert seen == ["no time"]


def test_who_would_wait_without_a_place_is_refused_at_once() -> None:
    app = App()
    share = ThreadShare(threads=1, places=1, wait_s=1e6, budget_s=10)
    http = Client(RequestLimits(app, {}, {"": Limits(share)}))
    seen: list[int] = []
    app.during = lambda: seen.append(http.get("/").status_code)

    assert http.get("/").status_code == 200
    assert seen == [503]
    assert http.get("/").status_code == 200


def test_the_server_has_more_threads_than_can_wait() -> None:
    exact, prefixes = limits(registry.make_settings())
    shares = {share for kind in (*exact.values(), *prefixes.values()) if (share := kind.share)}
    places = sum(share.places for share in shares)

    assert places + request_bodies.MOST_TRUSTED + request_bodies.MOST_UNTRUSTED < server.THREADS


@pytest.mark.parametrize(
    ("path", "is_trusted"),
    [
        ("/webhooks/daraja/dev/result", True),
        ("/webhooks/daraja/dev/result/8k2m0q4z", True),
        ("/webhooks/daraja/dev/result/8k2m0q4z/x", False),
        ("/webhooks/daraja/guess/result/8k2m0q4z", False),
        ("/webhooks/twilio/sms", False),
    ],
)
def test_a_callback_under_a_secret_path_is_trusted(path: str, is_trusted: bool) -> None:
    middleware = RequestLimits(App(), *limits(registry.make_settings(webhook_secret="dev")))

    assert middleware._limits(path).is_trusted is is_trusted


def test_the_thread_is_free_again_after_an_error() -> None:
    app = App()
    http = client(app)

    def fail() -> None:
        raise RuntimeError("a bug")

    app.during = fail
    with pytest.raises(RuntimeError, match="a bug"):
        http.get("/page/one")
    assert http.get("/page/one").status_code == 200


# The service


UPLOAD = "multipart/form-data; boundary=x"
FORM = "application/x-www-form-urlencoded"


def post(service: Service, path: str, size: int, *, is_declared: bool = True, content_type: str = FORM) -> Any:
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    if not is_declared:
        headers["Transfer-Encoding"] = "chunked"
    return service.http.open(
        path,
        method="POST",
        input_stream=BytesIO(b"x" * size),
        content_length=size if is_declared else None,
        headers=headers,
        content_type=content_type,
        environ_overrides={"wsgi.input_terminated": True},
    )


@pytest.mark.parametrize("is_declared", [True, False], ids=["with a length", "chunked"])
@pytest.mark.parametrize(
    ("path", "largest"),
    [
        (USSD, 16 * 1024),
        ("/webhooks/africastalking/dev/sms", 16 * 1024),
        ("/webhooks/twilio/sms", 16 * 1024),
        ("/webhooks/daraja/dev/result", 16 * 1024),
        ("/webhooks/stripe", LARGEST_EVENT),
        ("/simulator/orders", LARGEST_REQUEST),
        ("/products/KAPU", LARGEST_FORM),
        ("/", LARGEST_FORM),
    ],
)
def test_a_body_that_is_too_long_is_413(embedded: Service, path: str, largest: int, is_declared: bool) -> None:
    assert post(embedded, path, largest + 1, is_declared=is_declared).status_code == 413
    assert post(embedded, path, largest, is_declared=is_declared).status_code != 413


def test_the_api_says_so_in_its_own_format(embedded: Service) -> None:
    answer = post(embedded, "/api/v1/orders", LARGEST_FORM + 1, content_type="application/json")

    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")


def test_the_photo_page_says_so_in_words(embedded: Service) -> None:
    (product,) = embedded.api("GET", "/products")["data"]
    link = embedded.services.photo_links.link(product["code"], embedded.clock())
    answer = post(embedded, link.removeprefix(embedded.settings.url), LARGEST_UPLOAD + 1, content_type=UPLOAD)

    assert (answer.status_code, "too large" in answer.text) == (413, True)

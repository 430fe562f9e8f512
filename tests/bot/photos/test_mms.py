"""Pictures in messages: fetched only from Twilio, in the background, and answered once."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from twilio.request_validator import RequestValidator

from bot.photos import images
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, NEW_PHONE, POT, choose_language, outgoing_messages, products_titled
from tests.bot.photos import camera
from tests.bot.photos.camera import photo
from tests.service import Service, serving

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-of-twilio"
MESSAGE = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM{'3' * 32}"
FIRST, SECOND = f"{MESSAGE}/Media/ME{'4' * 32}", f"{MESSAGE}/Media/ME{'5' * 32}"
KEY = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()


@dataclass
class MediaServer:
    """Stands in for Twilio's storage of pictures: answers as the test sets, and records requests."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """Error statuses that answer the next requests."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0


def media_server() -> Iterator[MediaServer]:
    server = MediaServer()

    class MediaHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("Authorization")))
            status, content, headers = self.answer()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for start in range(0, len(content), 65536):
                try:
                    server.sent += self.wfile.write(content[start : start + 65536])
                except ConnectionError:
                    return

        def answer(self) -> tuple[int, bytes, dict[str, str]]:
            if server.statuses:
                return server.statuses.pop(0), b"", {}
            if self.path in server.moved:
                return 307, b"", {"Location": server.moved[self.path]}
            file = server.files.get(self.path)
            return (404, b"", {}) if file is None else (200, file, {"Content-Type": "image/jpeg"})

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of the test short."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), MediaHandler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join()


twilio = pytest.fixture(media_server, name="twilio")
elsewhere = pytest.fixture(media_server, name="elsewhere")


@pytest.fixture
def service(tmp_path: Path, twilio: MediaServer) -> Iterator[Service]:
    settings = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "twilio_base_url": twilio.url}
    with serving(tmp_path, **settings) as service:
        fixtures.seed_shop(service)
        choose_language(service, "en", AKINYI)
        yield service


def post_message(service: Service, body: str, *urls: str, msisdn: str = AKINYI, sid: str = "MM" + "3" * 32) -> int:
    """Post a picture message as Twilio does; the HTTP status of the answer."""
    fields = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": str(len(urls)),
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": body,
        "To": "+15005550006",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": msisdn,
        "ApiVersion": "2010-04-01",
    }
    for n, url in enumerate(urls):
        fields |= {f"MediaContentType{n}": "image/jpeg", f"MediaUrl{n}": url}
    path = "/webhooks/twilio/sms"
    signature = RequestValidator(TOKEN).compute_signature(service.settings.url + path, fields)
    return service.http.post(path, data=fields, headers={"X-Twilio-Signature": signature}).status_code


def code(service: Service) -> str:
    return str(products_titled(service, POT)[0]["code"])


def widths(service: Service) -> list[int]:
    """The widths of the pot's photos, newest first."""
    return [shown["width"] for shown in products_titled(service, POT)[0]["photos"]]


@pytest.mark.parametrize("words", ["PHOTO {}", "{}", "picha: {}", "my new pot, {}", "ፎቶ {}"])
def test_a_picture_with_a_code_is_added_to_that_product(service: Service, twilio: MediaServer, words: str) -> None:
    twilio.files[FIRST] = camera.with_exif()
    status = post_message(service, words.format(code(service).lower()), twilio.url + FIRST)
    # the webhook does not wait for the download
    assert (status, twilio.asked, outgoing_messages(service, AKINYI)) == (200, [], [])

    assert service.inbox(AKINYI) == [f"Thank you. Clay water pot, code {code(service)}, has a new photo."]
    assert widths(service) == [640]
    assert twilio.asked == [(FIRST, KEY)]


def test_a_repeated_message_is_fetched_and_answered_once(service: Service, twilio: MediaServer) -> None:
    twilio.files[FIRST] = photo()
    for _ in range(2):
        post_message(service, code(service), twilio.url + FIRST)
        service.work()
    post_message(service, code(service), twilio.url + FIRST)

    assert len(service.inbox(AKINYI)) == len(twilio.asked) == len(widths(service)) == 1


def test_all_pictures_of_a_message_are_stored_and_answered_together(service: Service, twilio: MediaServer) -> None:
    twilio.files |= {FIRST: photo(), SECOND: photo(800, 600)}
    post_message(service, code(service), twilio.url + FIRST, twilio.url + SECOND)

    assert len(service.inbox(AKINYI)) == 1
    assert widths(service) == [800, 640]


def test_a_picture_without_a_code_is_answered_with_a_question(service: Service, twilio: MediaServer) -> None:
    for body in ("", "my pot"):
        post_message(service, body, twilio.url + FIRST, sid=f"MM{body}")

    asked = f"Of which product is this photo? Send it again with its code, like {code(service)}."
    assert service.inbox(AKINYI) == [asked, asked]
    assert twilio.asked == []


def test_a_command_with_a_picture_is_performed_and_the_picture_ignored(service: Service, twilio: MediaServer) -> None:
    post_message(service, "SELL Oil lamp 900 x5", twilio.url + FIRST)
    post_message(service, "6", twilio.url + FIRST, sid="MM2")
    post_message(service, f"PRICE {code(service)} 1900", twilio.url + FIRST, sid="MM3")

    assert [text.split("\n")[0] for text in service.inbox(AKINYI)] == [
        "What kind of product is it?",
        "Sell 5 x Oil lamp at KSh 900 each? You earn KSh 810 for each.",
        f"Clay water pot, code {code(service)}, now costs KSh 1,900.",
    ]
    assert twilio.asked == []


def test_a_picture_from_a_phone_that_sells_nothing_is_not_fetched(service: Service, twilio: MediaServer) -> None:
    post_message(service, code(service), twilio.url + FIRST, msisdn=NEW_PHONE)

    assert "Language" in service.inbox(NEW_PHONE)[0]
    assert twilio.asked == []


# What is fetched


@pytest.mark.parametrize(
    "path",
    [
        "/secret",
        FIRST.replace(ACCOUNT, "AC" + "1" * 32),
        FIRST + "/../../../../../secret",
        FIRST + "?x=1",
        FIRST + "#x",
        MESSAGE,
        FIRST + "%2F..",
    ],
)
def test_only_media_of_our_account_are_fetched_from_twilio(service: Service, twilio: MediaServer, path: str) -> None:
    post_message(service, code(service), twilio.url + path)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert twilio.asked == []


@pytest.mark.parametrize("address", ["{}", "http://twilio@{host}", "http://{host}.example.com", "file:///etc/passwd?"])
def test_nothing_is_fetched_from_another_host(service: Service, elsewhere: MediaServer, address: str) -> None:
    post_message(service, code(service), address.format(elsewhere.url, host=elsewhere.url[7:]) + FIRST)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert elsewhere.asked == []


def test_a_redirect_of_twilio_is_followed_without_our_token(
    service: Service, twilio: MediaServer, elsewhere: MediaServer
) -> None:
    twilio.moved[FIRST] = elsewhere.url.replace("127.0.0.1", "localhost") + "/stored"
    elsewhere.files["/stored"] = photo()
    post_message(service, code(service), twilio.url + FIRST)
    service.work()

    assert widths(service) == [640]
    assert elsewhere.asked == [("/stored", None)]


def test_the_download_of_a_picture_that_is_too_large_is_stopped(service: Service, twilio: MediaServer) -> None:
    twilio.files[FIRST] = b"\xff" * images.LARGEST_FILE * 8
    post_message(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI) == ["That picture is too large. Please send a smaller one."]
    assert twilio.sent < images.LARGEST_FILE * 4  # bytes in the network buffers count as sent


@pytest.mark.parametrize(
    ("file", "words"),
    [(b"BEGIN:VCARD", "We cannot read that."), (photo(90, 90), "That picture is too small.")],
)
def test_a_picture_that_cannot_be_shown_is_explained(
    service: Service, twilio: MediaServer, file: bytes, words: str
) -> None:
    twilio.files[FIRST] = file
    post_message(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI)[0].startswith(words)
    assert widths(service) == []


def test_a_picture_is_stored_although_another_attachment_is_unusable(service: Service, twilio: MediaServer) -> None:
    twilio.files |= {FIRST: b"BEGIN:VCARD", SECOND: photo()}
    post_message(service, code(service), twilio.url + FIRST, twilio.url + SECOND)

    assert service.inbox(AKINYI)[0].startswith("Thank you.")


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_a_failed_fetch_is_repeated(service: Service, twilio: MediaServer, status: int) -> None:
    twilio.files[FIRST] = photo()
    twilio.statuses = [status]
    post_message(service, code(service), twilio.url + FIRST)
    assert service.inbox(AKINYI) == []
    service.later(minutes=2)

    assert widths(service) == [640]
    assert len(service.inbox(AKINYI)) == 1


def test_a_fetch_that_keeps_failing_is_given_up_after_an_hour(service: Service, twilio: MediaServer) -> None:
    post_message(service, code(service), twilio.url + FIRST)
    service.work()
    service.later(minutes=59)
    assert service.inbox(AKINYI) == []
    service.later(minutes=2)
    service.later(hours=2)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert len(twilio.asked) == 3


def test_a_fetch_with_a_refused_token_is_not_repeated(service: Service, twilio: MediaServer) -> None:
    twilio.statuses = [401]
    post_message(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert len(twilio.asked) == 1


def test_a_picture_of_a_withdrawn_product_is_explained(service: Service, twilio: MediaServer) -> None:
    twilio.files[FIRST] = photo()
    product_code = code(service)
    post_message(service, product_code, twilio.url + FIRST)
    for text in (f"REMOVE {product_code}", "YES"):
        service.gateway.text(AKINYI, text)

    assert f"{product_code} is not on sale any more." in service.inbox(AKINYI)

"""Pictures that come with a message: fetched from Twilio alone, in the background, and answered once."""

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
class Keeper:
    """Where Twilio keeps pictures: it answers what it is told, and notes who asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """What the next requests are answered with instead."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0


def keeper() -> Iterator[Keeper]:
    kept = Keeper()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append((self.path, self.headers.get("Authorization")))
            status, content, headers = self.answer()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for start in range(0, len(content), 65536):
                try:
                    kept.sent += self.wfile.write(content[start : start + 65536])
                except ConnectionError:
                    return

        def answer(self) -> tuple[int, bytes, dict[str, str]]:
            if kept.statuses:
                return kept.statuses.pop(0), b"", {}
            if self.path in kept.moved:
                return 307, b"", {"Location": kept.moved[self.path]}
            file = kept.files.get(self.path)
            return (404, b"", {}) if file is None else (200, file, {"Content-Type": "image/jpeg"})

        def log_message(self, format: str, *args: object) -> None:
            """Twilio says nothing here."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


twilio = pytest.fixture(keeper, name="twilio")
elsewhere = pytest.fixture(keeper, name="elsewhere")


@pytest.fixture
def service(tmp_path: Path, twilio: Keeper) -> Iterator[Service]:
    settings = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "twilio_base_url": twilio.url}
    with serving(tmp_path, **settings) as service:
        fixtures.seed_shop(service)
        choose_language(service, "en", AKINYI)
        yield service


def comes(service: Service, body: str, *urls: str, msisdn: str = AKINYI, sid: str = "MM" + "3" * 32) -> int:
    """A picture message, as Twilio posts it."""
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
    return [shown["width"] for shown in products_titled(service, POT)[0]["photos"]]


@pytest.mark.parametrize("words", ["PHOTO {}", "{}", "picha: {}", "my new pot, {}", "ፎቶ {}"])
def test_a_picture_with_a_code_is_that_products(service: Service, twilio: Keeper, words: str) -> None:
    twilio.files[FIRST] = camera.with_exif()
    status = comes(service, words.format(code(service).lower()), twilio.url + FIRST)
    assert (status, twilio.asked, outgoing_messages(service, AKINYI)) == (
        200,
        [],
        [],
    )  # the webhook does not wait for it

    assert service.inbox(AKINYI) == [f"Thank you. Clay water pot, code {code(service)}, has a new photo."]
    assert widths(service) == [640]
    assert twilio.asked == [(FIRST, KEY)]


def test_a_message_brought_again_is_fetched_and_answered_once(service: Service, twilio: Keeper) -> None:
    twilio.files[FIRST] = photo()
    for _ in range(2):
        comes(service, code(service), twilio.url + FIRST)
        service.work()
    comes(service, code(service), twilio.url + FIRST)

    assert len(service.inbox(AKINYI)) == len(twilio.asked) == len(widths(service)) == 1


def test_all_pictures_of_a_message_are_taken_and_answered_together(service: Service, twilio: Keeper) -> None:
    twilio.files |= {FIRST: photo(), SECOND: photo(800, 600)}
    comes(service, code(service), twilio.url + FIRST, twilio.url + SECOND)

    assert len(service.inbox(AKINYI)) == 1
    assert widths(service) == [800, 640]


def test_a_picture_without_a_code_is_asked_for_again_with_one(service: Service, twilio: Keeper) -> None:
    for body in ("", "my pot"):
        comes(service, body, twilio.url + FIRST, sid=f"MM{body}")

    asked = f"Of which product is this photo? Send it again with its code, like {code(service)}."
    assert service.inbox(AKINYI) == [asked, asked]
    assert twilio.asked == []


def test_words_beside_a_picture_count_when_they_say_something_else(service: Service, twilio: Keeper) -> None:
    comes(service, "SELL Oil lamp 900 x5", twilio.url + FIRST)
    comes(service, "6", twilio.url + FIRST, sid="MM2")
    comes(service, f"PRICE {code(service)} 1900", twilio.url + FIRST, sid="MM3")

    assert [text.split("\n")[0] for text in service.inbox(AKINYI)] == [
        "What kind of ware is it?",
        "Sell 5 x Oil lamp at KSh 900? You earn KSh 810 each.",
        f"Clay water pot, code {code(service)}, now costs KSh 1,900.",
    ]
    assert twilio.asked == []


def test_who_sells_nothing_here_sends_no_pictures_of_others(service: Service, twilio: Keeper) -> None:
    comes(service, code(service), twilio.url + FIRST, msisdn=NEW_PHONE)

    assert "Language" in service.inbox(NEW_PHONE)[0]
    assert twilio.asked == []


# -- what is fetched


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
def test_nothing_but_our_own_media_is_asked_of_twilio(service: Service, twilio: Keeper, path: str) -> None:
    comes(service, code(service), twilio.url + path)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert twilio.asked == []


@pytest.mark.parametrize("address", ["{}", "http://twilio@{host}", "http://{host}.example.com", "file:///etc/passwd?"])
def test_nobody_else_is_asked_at_all(service: Service, elsewhere: Keeper, address: str) -> None:
    comes(service, code(service), address.format(elsewhere.url, host=elsewhere.url[7:]) + FIRST)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert elsewhere.asked == []


def test_where_twilio_sends_us_on_to_is_not_told_our_token(service: Service, twilio: Keeper, elsewhere: Keeper) -> None:
    twilio.moved[FIRST] = elsewhere.url.replace("127.0.0.1", "localhost") + "/stored"
    elsewhere.files["/stored"] = photo()
    comes(service, code(service), twilio.url + FIRST)
    service.work()

    assert widths(service) == [640]
    assert elsewhere.asked == [("/stored", None)]


def test_no_more_is_read_than_a_picture_may_have(service: Service, twilio: Keeper) -> None:
    twilio.files[FIRST] = b"\xff" * images.LARGEST_FILE * 8
    comes(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI) == ["That picture is too large. Please send a smaller one."]
    assert twilio.sent < images.LARGEST_FILE * 4  # what lay on the line when we hung up counts as sent


@pytest.mark.parametrize(
    ("file", "words"),
    [(b"BEGIN:VCARD", "We cannot read that."), (photo(90, 90), "That picture is too small.")],
)
def test_what_cannot_be_shown_is_answered_with_words(service: Service, twilio: Keeper, file: bytes, words: str) -> None:
    twilio.files[FIRST] = file
    comes(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI)[0].startswith(words)
    assert widths(service) == []


def test_a_picture_counts_though_what_came_with_it_is_none(service: Service, twilio: Keeper) -> None:
    twilio.files |= {FIRST: b"BEGIN:VCARD", SECOND: photo()}
    comes(service, code(service), twilio.url + FIRST, twilio.url + SECOND)

    assert service.inbox(AKINYI)[0].startswith("Thank you.")


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_a_picture_that_is_not_there_yet_is_asked_for_again(service: Service, twilio: Keeper, status: int) -> None:
    twilio.files[FIRST] = photo()
    twilio.statuses = [status]
    comes(service, code(service), twilio.url + FIRST)
    assert service.inbox(AKINYI) == []
    service.later(minutes=2)

    assert widths(service) == [640]
    assert len(service.inbox(AKINYI)) == 1


def test_a_picture_that_stays_away_is_given_up_after_an_hour(service: Service, twilio: Keeper) -> None:
    comes(service, code(service), twilio.url + FIRST)
    service.work()
    service.later(minutes=59)
    assert service.inbox(AKINYI) == []
    service.later(minutes=2)
    service.later(hours=2)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert len(twilio.asked) == 3


def test_a_refused_token_is_not_tried_again(service: Service, twilio: Keeper) -> None:
    twilio.statuses = [401]
    comes(service, code(service), twilio.url + FIRST)

    assert service.inbox(AKINYI) == ["Your photo did not reach us. Please send it again."]
    assert len(twilio.asked) == 1


def test_a_product_withdrawn_meanwhile_is_named(service: Service, twilio: Keeper) -> None:
    twilio.files[FIRST] = photo()
    its_code = code(service)
    comes(service, its_code, twilio.url + FIRST)
    service.gateway.text(AKINYI, f"REMOVE {its_code}")

    assert f"{its_code} is not on sale any more." in service.inbox(AKINYI)

"""One suite for the real SDKs: what they send is accepted, refused, throttled and listed by the simulator, by a socket.

Daraja has no SDK, so its requests are made as its users make them; it has no lists either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from bot.cli import simulator as command
from bot.migrations import upgrade
from bot.providers import registry
from bot.simulator import carriers
from tests.databases import migrated_sqlite
from tests.http_server import running_app
from tests.providers.stand_in import free_address

PHONE, OURS = "+254711000111", "+15005550006"
KEYS = {
    "at_api_key": "at-key",
    "twilio_auth_token": "twilio-token",
    "stripe_api_key": "sk_test_key",
    "daraja_consumer_key": "daraja-key",
    "daraja_consumer_secret": "daraja-secret",
}
MANY, PAGE = 5, 2
PAYMENTS = count(1)


@dataclass(frozen=True)
class Sdk:
    """How one SDK is used: `send` makes one thing, with a key that is right or not, and returns its id.

    `error` is what it raises, with the words `unauthorised` for a wrong key, and `throttled` for too many requests.
    `listed` gives the ids of all that `make` has made, and more, which it reads in pages of `PAGE`.
    """

    provider: str
    send: Callable[..., str]
    error: type[Exception]
    unauthorised: str
    throttled: str
    make: Callable[[], str]
    listed: Callable[[], list[str]]


# each SDK is imported by its test alone, because that takes long


def africastalking_sdk(root: str) -> Sdk:
    from africastalking.Service import AfricasTalkingException
    from africastalking.SMS import SMSService

    class Local(SMSService):
        """The SDK's own class for texts, sent elsewhere."""

        def _init_service(self) -> None:
            self._baseUrl = self._contentUrl = f"{root}/africastalking/version1"

    def send(key: str = KEYS["at_api_key"]) -> str:
        (recipient,) = Local("soko", key).send("Hello", [PHONE])["SMSMessageData"]["Recipients"]
        assert recipient["statusCode"] == 101
        return str(recipient["messageId"])

    def make() -> str:
        """A text that a phone sends: those are what the SDK lists."""
        sent = requests.post(f"{root}/text", json={"msisdn": PHONE, "text": "Hello"}).json()
        return parse_qs(sent["wire"][0]["body"])["id"][0]

    def listed() -> list[str]:
        ids: list[str] = []
        api = Local("soko", KEYS["at_api_key"])
        while found := api.fetch_messages(last_received_id=ids[-1] if ids else 0)["SMSMessageData"]["Messages"]:
            assert len(found) <= PAGE
            ids += [text["id"] for text in found]
        return ids

    words = "The supplied authentication is invalid", "Please try again later"
    return Sdk("africastalking", send, AfricasTalkingException, *words, make, listed)


def twilio_sdk(root: str) -> Sdk:
    from twilio.base.exceptions import TwilioRestException
    from twilio.rest import Client

    def client(token: str) -> Client:
        made = Client("AC1", token)
        made.api.base_url = f"{root}/twilio"
        return made

    def send(key: str = KEYS["twilio_auth_token"]) -> str:
        return str(client(key).messages.create(to=PHONE, from_=OURS, body="Hello").sid)

    def listed() -> list[str]:
        messages = client(KEYS["twilio_auth_token"]).messages
        first = messages.page(page_size=PAGE)
        assert len(list(first)) == PAGE
        return [message.sid for message in messages.stream(page_size=PAGE)][::-1]

    return Sdk("twilio", send, TwilioRestException, "HTTP 401 error", "HTTP 429 error", send, listed)


def stripe_sdk(root: str) -> Sdk:
    import stripe

    def client(key: str) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": f"{root}/stripe"}, max_network_retries=0)

    def send(key: str = KEYS["stripe_api_key"]) -> str:
        price = {"currency": "kes", "unit_amount": 100_000, "product_data": {"name": "Basket"}}
        session: Any = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": "https://shop.example/paid",
            "cancel_url": "https://shop.example/back",
        }
        return str(client(key).v1.checkout.sessions.create(session).id)

    def listed() -> list[str]:
        sessions = client(KEYS["stripe_api_key"]).v1.checkout.sessions
        first = sessions.list({"limit": PAGE})
        assert (len(first.data), first.has_more) == (PAGE, True)
        return [session.id for session in first.auto_paging_iter()]

    words = "Invalid API Key provided", "Too many requests"
    return Sdk("stripe", send, stripe.StripeError, *words, send, listed)


def daraja_client(root: str) -> Sdk:
    def send(key: str = KEYS["daraja_consumer_key"]) -> str:
        auth = (key, KEYS["daraja_consumer_secret"])
        issued = requests.get(f"{root}/daraja/oauth/v1/generate?grant_type=client_credentials", auth=auth)
        issued.raise_for_status()
        names = ("InitiatorName", "SecurityCredential", "Remarks", "QueueTimeOutURL", "ResultURL")
        payment = dict.fromkeys(names, "https://shop.example") | {
            "OriginatorConversationID": f"pay-{next(PAYMENTS)}",
            "CommandID": "BusinessPayment",
            "Amount": 100,
            "PartyA": "600000",
            "PartyB": PHONE[1:],
        }
        bearer = {"Authorization": f"Bearer {issued.json()['access_token']}"}
        accepted = requests.post(f"{root}/daraja/mpesa/b2c/v3/paymentrequest", json=payment, headers=bearer)
        accepted.raise_for_status()
        return str(accepted.json()["OriginatorConversationID"])

    # it refuses a wrong key with 400, and lists nothing
    return Sdk("daraja", send, requests.HTTPError, "400 Client Error", "429 Client Error", send, list)


SDKS = {"africastalking": africastalking_sdk, "twilio": twilio_sdk, "stripe": stripe_sdk, "daraja": daraja_client}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address above the simulated APIs, which need the keys of `KEYS`."""
    folder = tmp_path_factory.mktemp("simulator")
    migrated_sqlite(folder / "simulator.db")
    with free_address() as nobody, pytest.MonkeyPatch.context() as patch:
        patch.setattr(upgrade, "upgrade", lambda _: None)
        patch.setattr(carriers, "AT_PAGE", PAGE)
        settings = command.settings_for(registry.make_settings(**KEYS), folder, nobody)
        with command.running(settings, folder, nobody, {}, "http://simulator") as app, running_app(app) as url:
            yield f"{url}/simulator"


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest, root: str) -> Sdk:
    return SDKS[request.param](root)


def statuses(root: str, provider: str) -> list[int]:
    """The HTTP statuses of the answers to this provider's requests so far."""
    logged = requests.get(f"{root}/wire?since=0").json()["data"]
    return [each["response"]["status"] for each in logged if (each["direction"], each["provider"]) == ("out", provider)]


def test_a_request_is_accepted_and_the_sdk_reads_its_id(sdk: Sdk, root: str) -> None:
    assert sdk.send()
    assert statuses(root, sdk.provider)[-1] == (201 if sdk.provider in ("africastalking", "twilio") else 200)


def test_a_wrong_key_is_refused_as_the_sdk_expects(sdk: Sdk, root: str) -> None:
    with pytest.raises(sdk.error, match=sdk.unauthorised):
        sdk.send(key="sk_test_wrong")
    if sdk.provider != "daraja":  # requests for its tokens are not in the log
        assert statuses(root, sdk.provider)[-1] == 401


def test_a_throttled_request_is_an_error_of_the_sdk_and_the_next_one_is_accepted(sdk: Sdk, root: str) -> None:
    fault = {"target": "provider", "name": sdk.provider, "fault": "throttle", "times": 1}
    assert requests.post(f"{root}/faults", json=fault).status_code == 201
    with pytest.raises(sdk.error, match=sdk.throttled):
        sdk.send()

    assert statuses(root, sdk.provider)[-1] == 429
    assert sdk.send()


@pytest.mark.parametrize("sdk", ["africastalking", "twilio", "stripe"], indirect=True)
def test_every_page_of_a_list_is_read(sdk: Sdk) -> None:
    made = [sdk.make() for _ in range(MANY)]
    found = sdk.listed()

    assert len(found) == len(set(found))
    assert set(made) <= set(found)

"""While a secret has two values, what the old one made is valid; once the old one is gone, it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import Client

from bot.conversation.service import ConversationService
from bot.photos.links import InvalidLinkError, PhotoLinks
from bot.providers import registry
from bot.providers.contracts import Inbound
from bot.providers.daraja import Daraja
from bot.providers.declaration import Handlers
from bot.runtime.clock import system_clock
from bot.runtime.keys import Keys, Purpose
from bot.runtime.settings import Settings
from bot.services import peppers
from bot.web.order_forms import InvalidFormError, OrderForms
from state import pins
from state.tables import message, person
from tests.bot.fixtures import AKINYI, choose_language
from tests.command_line import run_command
from tests.providers.recording import CallbackRecorder, CollectionRecorder
from tests.service import MONDAY, Service

OLD, NEW = "m7Yc2Wq9Rt4Zk8Vx3Np6Jd5Hs1Gb0FeL", "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU"
BOTH = f"{NEW},{OLD}"
DARAJA = {
    "daraja_base_url": "https://sandbox.safaricom.co.ke",
    "daraja_consumer_key": "key",
    "daraja_consumer_secret": "secret",
    "daraja_shortcode": "600997",
    "daraja_initiator": "testapi",
    "daraja_security_credential": "c3Jl",
}
BEFORE, DURING, AFTER = (Keys.of(value) for value in (OLD, BOTH, NEW))


def links(keys: Keys) -> PhotoLinks:
    return PhotoLinks("", keys.accepted(Purpose.PHOTO_LINKS))


def forms(keys: Keys) -> OrderForms:
    return OrderForms(keys.accepted(Purpose.ORDER_FORMS), "")


def test_a_photo_link_made_with_the_old_value_opens_its_page_until_the_value_is_removed() -> None:
    old, new = (links(keys).link("K7P4", MONDAY).removeprefix("/p/") for keys in (BEFORE, DURING))

    assert [links(keys).product_code(old, MONDAY) for keys in (BEFORE, DURING)] == ["K7P4"] * 2
    assert [links(keys).product_code(new, MONDAY) for keys in (DURING, AFTER)] == ["K7P4"] * 2
    for keys, token in ((AFTER, old), (BEFORE, new)):
        with pytest.raises(InvalidLinkError):
            links(keys).product_code(token, MONDAY)


def test_a_photo_link_from_before_keys_were_derived_is_valid() -> None:
    old = PhotoLinks("", BEFORE.plain(Purpose.PHOTO_LINKS)).link("K7P4", MONDAY).removeprefix("/p/")

    assert [links(keys).product_code(old, MONDAY) for keys in (BEFORE, DURING)] == ["K7P4"] * 2
    with pytest.raises(InvalidLinkError):
        links(AFTER).product_code(old, MONDAY)


def test_a_form_made_with_the_old_value_is_taken_until_the_value_is_removed() -> None:
    old, new = (forms(keys).token("K7P4", "key", MONDAY) for keys in (BEFORE, DURING))

    assert [forms(keys).key(old, "K7P4", MONDAY) for keys in (BEFORE, DURING)] == ["key"] * 2
    assert forms(AFTER).key(new, "K7P4", MONDAY) == "key"
    with pytest.raises(InvalidFormError):
        forms(AFTER).key(old, "K7P4", MONDAY)


def test_a_key_of_one_purpose_opens_nothing_of_another() -> None:
    for purpose in set(Purpose) - {Purpose.PHOTO_LINKS}:
        forged = PhotoLinks("", BEFORE.derived(purpose)).link("K7P4", MONDAY).removeprefix("/p/")
        with pytest.raises(InvalidLinkError):
            links(BEFORE).product_code(forged, MONDAY)


def test_a_hashed_pin_is_checked_with_the_value_it_was_made_with() -> None:
    def is_right(keys: Keys, stored: str) -> bool:
        hashes = pins.Hashes(peppers(keys))
        hashes.compute(pins.HashNeeded("2468", stored))
        return hashes.is_right(stored, "2468")

    def hashed(keys: Keys) -> str:
        hashes = pins.Hashes(peppers(keys))
        hashes.compute(pins.HashNeeded("2468", None))
        return hashes.new("2468")

    assert [is_right(keys, hashed(BEFORE)) for keys in (BEFORE, DURING, AFTER)] == [True, True, False]
    assert [is_right(keys, hashed(DURING)) for keys in (BEFORE, DURING, AFTER)] == [False, True, True]


def test_pins_that_need_the_old_value_are_counted(embedded: Service) -> None:
    def counted() -> str:
        return run_command(embedded.app, "secrets", "check").output

    assert counted() == "PINs that are not stored with the first value of SECRET_KEY: 0\n"
    choose_language(embedded, "en", AKINYI)
    with embedded.services.engine.begin() as conn:
        conn.execute(person.update().values(pin_hash="$argon2id$v=19$old"))
    assert counted().endswith(": 1\n")


def test_a_text_that_is_repeated_after_the_restart_is_not_answered_again(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    text = Inbound(channel="sms", provider="africastalking", id="AT1", msisdn=AKINYI, service="22384", text="MENU")
    before = embedded.services.conversation

    def restarted(*hop_secrets: bytes) -> ConversationService:
        return ConversationService(replace(before.runner, hop_secrets=hop_secrets), before.resources)

    before.sms(text)
    restarted(AFTER.current(Purpose.HOPS), *before.runner.hop_secrets).sms(text)
    assert answers(embedded) == 1
    restarted(AFTER.current(Purpose.HOPS)).sms(text)
    assert answers(embedded) == 2


def answers(service: Service) -> int:
    with service.services.engine.connect() as conn:
        return conn.execute(select(func.count()).where(message.c.direction == "out")).scalar_one()


# -- webhook secrets


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callbacks of all providers, of a service with these settings."""

    settings: Settings

    def statuses(self, *secrets: str) -> list[tuple[int, int]]:
        """How a call and a payment result are answered under each secret."""
        recorder = CallbackRecorder()
        handlers = Handlers(messages=recorder, payments=recorder, collections=CollectionRecorder())
        app = Flask("callbacks")
        for blueprint in registry.blueprints(self.settings, handlers):
            app.register_blueprint(blueprint)
        client = Client(registry.with_fast_paths(app.wsgi_app, self.settings, handlers))
        hop = {"sessionId": "ATUid_1", "phoneNumber": AKINYI, "text": ""}
        result = {"Result": {"ResultCode": 0, "OriginatorConversationID": "pay_1", "TransactionID": "SG1"}}
        return [
            (
                client.post(f"/webhooks/africastalking/{secret}/ussd", data=hop).status_code,
                client.post(f"/webhooks/daraja/{secret}/result", json=result).status_code,
            )
            for secret in secrets
        ]


def test_both_webhook_secrets_open_the_callbacks_until_the_old_one_is_removed() -> None:
    both = registry.make_settings(webhook_secret="new,old")

    assert Callbacks(both).statuses("new", "old", "other", "new,old", "") == [(200, 200)] * 2 + [(404, 404)] * 3
    assert Callbacks(registry.make_settings(webhook_secret="new")).statuses("new", "old") == [(200, 200), (404, 404)]
    assert registry.hop_paths(both) == [f"/webhooks/africastalking/{secret}/ussd" for secret in ("new", "old")]
    assert set(registry.secret_paths(both)) >= {f"/webhooks/daraja/{secret}" for secret in ("new", "old")}


def test_a_secret_of_its_own_opens_daraja_alone() -> None:
    settings = registry.make_settings(webhook_secret="shared", daraja_webhook_secret="daraja-new, daraja-old")

    assert Callbacks(settings).statuses("shared", "daraja-new", "daraja-old") == [(200, 404), (404, 200), (404, 200)]


def test_in_production_the_secret_of_another_provider_never_opens_daraja() -> None:
    secret = "b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE"
    settings = registry.make_settings(
        environment="production",
        public_url="https://soko.example",
        secret_key=NEW,
        webhook_secret=secret,
        sms_provider="africastalking",
        at_username="soko",
        at_api_key="atsk_1",
    )

    assert Callbacks(settings).statuses(secret, "", "None") == [(200, 404), (404, 404), (404, 404)]
    assert not [path for path in registry.secret_paths(settings) if "daraja" in path]


def test_our_requests_name_the_address_with_the_new_secret() -> None:
    settings = registry.make_settings(
        payout_provider="daraja",
        public_url="https://soko.example",
        webhook_secret="own-secret",
        secret_key="a key of our own",
        bootstrap_api_key="a-key-of-our-own-1",
        daraja_webhook_secret="daraja-new,daraja-old",
        **DARAJA,
    )

    payer = registry.payer(settings, system_clock)
    assert isinstance(payer, Daraja)
    assert payer._callbacks == "https://soko.example/webhooks/daraja/daraja-new"

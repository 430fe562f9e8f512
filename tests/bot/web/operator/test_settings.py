"""Settings, API keys and webhook endpoints in the console."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from bot.providers import registry
from bot.runtime import shown_settings
from marketplace_api.events import webhooks
from marketplace_api.models import ApiKey, OperatorAct, WebhookDelivery
from marketplace_api.payments import storefronts
from tests.actors import TESTER
from tests.bot.fixtures import execute_sql
from tests.bot.web.operator.visitor import logged_in, words
from tests.service import Service

SETTINGS = "/operator/settings"
KEYS, WEBHOOKS = f"{SETTINGS}/keys", f"{SETTINGS}/webhooks"


def acts(service: Service) -> list[OperatorAct]:
    with service.services.database.reading() as session:
        return list(session.scalars(select(OperatorAct).where(~OperatorAct.act.startswith("operator."))))


def test_every_setting_is_shown_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"SECRET_KEY": "s3cret-of-forty-characters-a1b2c3d4e5f6g7", "AT_API_KEY": "atsk_1", "METRICS_TOKEN": "m3"}
    urls = {
        "DATABASE_URL": "postgresql+psycopg://soko:pa55@db/soko",
        "REDIS_URL": "redis+sentinel://:pa55@a:1,b:2/soko?sentinel_password=s3nt",
    }
    for name, value in (secrets | urls | {"SMS_ROUTES": "+254=simulator", "LOG_DIALOGUES": "on"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HOURLY_CAP", raising=False)
    settings = registry.load_settings()
    shown = {each.name: each for each in shown_settings.of(settings)}
    assert set(shown) == {name.upper() for name in type(settings).model_fields}
    text = str(list(shown.values()))
    for secret in ("s3cret", "atsk", "m3", "pa55", "s3nt"):
        assert secret not in text, secret
    assert (shown["DATABASE_URL"].value, shown["DATABASE_URL"].is_set) == (
        "postgresql+psycopg://soko:***@db/soko",
        True,
    )
    assert (shown["HOURLY_CAP"].value, shown["HOURLY_CAP"].is_set) == ("60", False)
    assert (shown["SMS_ROUTES"].value, shown["LOG_DIALOGUES"].value) == ("+254=simulator", "on")
    assert shown["LANGUAGES"].value == "en, sw, fr, am"
    assert "published" in shown["WEBHOOK_SECRET"].value
    assert shown["TWILIO_AUTH_TOKEN"].value == "none"


def test_the_page_of_settings_and_keys_is_for_all_and_to_look_at_for_read(embedded: Service) -> None:
    visitor = logged_in(embedded, "read")
    said = words(visitor.get(SETTINGS))
    assert "HOURLY_CAP 60 default" in said
    assert embedded.settings.secret_key not in visitor.get(SETTINGS).text
    assert "Make the key" not in words(visitor.get(KEYS))
    assert visitor.send(KEYS, name="x", scope="read").status_code == 403
    assert logged_in(embedded, "desk", "Amos").get(SETTINGS).status_code == 403


def test_a_key_is_shown_once_works_and_is_revoked(embedded: Service) -> None:
    visitor = logged_in(embedded)
    for wrong in (
        {"name": ""},
        {"scope": ""},
        {"days": "0"},
        {"days": "x"},
        {"days": "99999"},
        {"credit": "limited", "scope": "read"},
        {"credit": "limited", "amount": "much"},
    ):
        typed = {"name": "window", "scope": "storefront", "days": "", "credit": "unlimited", **wrong}
        assert visitor.send(KEYS, **typed).status_code == 422, wrong
    typed = {"name": "window", "scope": "storefront", "days": "30", "credit": "limited", "amount": "5000"}
    page = visitor.send(KEYS, **typed)
    (key,) = re.findall(r"soko_storefront_\w{40}", page.text)
    assert page.headers["Cache-Control"] == "no-store"
    assert visitor.send(KEYS, **typed).status_code == 422  # loaded again
    assert key not in visitor.get(KEYS).text
    assert "window" in words(visitor.get(KEYS))

    def status() -> int:
        return embedded.http.get("/api/v1/orders", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status() == 200
    with embedded.services.database.reading() as session:
        (row,) = session.scalars(select(ApiKey).where(ApiKey.name == "window"))
        assert storefronts.terms_of(embedded.services.shop(session, TESTER), row.id).credit == 5000_00
    assert "0 webhook endpoints are deleted" in words(visitor.get(f"{KEYS}/{row.id}/revoke"))
    assert visitor.submit("/revoke").status_code == 303
    assert status() == 401
    assert [act.act for act in acts(embedded)] == ["api_key.created", "api_key.revoked"]
    assert key not in str([act.after for act in acts(embedded)])
    assert visitor.send(f"{KEYS}/{row.id}/revoke").status_code == 404
    assert visitor.get(f"{KEYS}/key_none/revoke").status_code == 404


def test_deliveries_of_an_endpoint_are_listed_and_replayed(embedded: Service) -> None:
    made = embedded.api("POST", "/webhook-endpoints", {"url": "https://shop.example/soko"})
    embedded.later(seconds=1)
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        event = webhooks.create_test_event(shop, webhooks.by_id(shop, made["id"]))
        session.flush()
        (delivery,) = webhooks.deliveries_for(shop, event)
        path, delivery_id = f"{WEBHOOKS}/{made['id']}", delivery.id
    execute_sql(embedded, "UPDATE webhook_delivery SET status = 'failed', error = 'HTTP 500', attempts = 11")
    visitor = logged_in(embedded)
    assert "https://shop.example/soko bootstrap all that operators see enabled 0 1 0" in words(visitor.get(WEBHOOKS))
    page = visitor.get(path)
    assert "webhook_endpoint.tested" in words(page)
    assert "failed 11 HTTP 500" in words(page)
    assert made["secret"] not in page.text
    assert "Nothing was delivered like that" in words(visitor.get(f"{path}?status=delivered"))
    visitor.page = page
    assert visitor.submit("/replay").status_code == 303
    with embedded.services.database.reading() as session:
        again = session.get_one(WebhookDelivery, delivery_id)
        assert (again.status, again.attempts, again.round) == ("pending", 0, 2)
    visitor.get(path)
    assert visitor.submit("/test").status_code == 303
    assert [act.act for act in acts(embedded)] == ["webhook_delivery.replayed", "webhook_endpoint.tested"]
    assert visitor.get(f"{WEBHOOKS}/whe_none").status_code == 404
    assert visitor.send(f"{path}/deliveries/whd_none/replay").status_code == 404
    reader = logged_in(embedded, "read", "Rose")
    assert "Replay" not in words(reader.get(path))
    assert reader.send(f"{path}/test").status_code == 403

"""Every event and every ledger entry says who caused it: a key, a phone, an agent, a job or a command-line user."""

from __future__ import annotations

from sqlalchemy import select

from marketplace_api.models import LedgerEntry
from tests.bot.fixtures import AKINYI, received_order
from tests.command_line import run_command
from tests.service import Service

AKINYI_MASKED, OTIENO_MASKED = "phone:+25471***103", "agent:+25472***222"


def test_events_and_entries_of_an_order_say_who_caused_them(embedded: Service) -> None:
    received_order(embedded)
    embedded.later(minutes=10)

    by = {event["type"]: event["by"] for event in embedded.api("GET", "/events?limit=100")["data"]}
    assert by["order.placed"] == "key:bootstrap"
    assert by["order.accepted"] == AKINYI_MASKED
    assert by["order.at_kiosk"] == by["payout.created"] == OTIENO_MASKED
    assert by["payout.paid"] == "job:payouts"
    with embedded.services.database.reading() as session:
        written = {key.partition(":")[0]: by for key, by in session.execute(select(LedgerEntry.key, LedgerEntry.by))}
    assert written == {
        "vouched": "key:bootstrap",
        "earned": OTIENO_MASKED,
        "sent": "job:payouts",
        "paid": "job:payouts",
    }


def test_periodic_tasks_and_commands_have_names(embedded: Service) -> None:
    received_order(embedded)
    run_command(embedded.app, "payouts", "pause", "by hand")
    by = {event["type"]: event["by"] for event in embedded.api("GET", "/events?limit=100")["data"]}

    assert by["payouts.paused"].startswith("cli:")
    assert len(by["payouts.paused"]) > len("cli:")


def test_whoever_opens_and_closes_has_a_name(embedded: Service) -> None:
    """Kiosks, API keys, requests for a call, and webhook endpoints."""
    key = run_command(embedded.app, "apikey", "create", "bead shop", "--scope", "storefront").output.strip()
    headers = {"Authorization": f"Bearer {key}"}
    url = "http://127.0.0.1:9/hook"
    made = embedded.http.post("/api/v1/webhook-endpoints", json={"url": url}, headers=headers).get_json()
    embedded.http.delete(f"/api/v1/webhook-endpoints/{made['id']}", headers=headers)
    embedded.http.post("/api/v1/webhook-endpoints", json={"url": url}, headers=headers)
    embedded.gateway.text(AKINYI, "CALL")
    (waiting,) = embedded.api("GET", "/help-requests")["data"]
    embedded.api("POST", f"/help-requests/{waiting['id']}/close")
    run_command(embedded.app, "apikey", "revoke", "bead shop")

    seen = [
        (event["type"], event["by"].partition(":")[0]) for event in embedded.api("GET", "/events?limit=100")["data"]
    ]
    assert seen[0] == ("kiosk.opened", "key")
    assert seen[-8:] == [
        ("api_key.created", "cli"),
        ("webhook_endpoint.created", "key"),
        ("webhook_endpoint.removed", "key"),
        ("webhook_endpoint.created", "key"),
        ("help.requested", "phone"),
        ("help.closed", "key"),
        ("webhook_endpoint.removed", "cli"),
        ("api_key.revoked", "cli"),
    ]
    assert key not in str(embedded.api("GET", "/events?limit=100"))


def test_no_event_says_a_whole_phone_number_or_a_key(embedded: Service) -> None:
    received_order(embedded)

    for event in embedded.api("GET", "/events?limit=100")["data"]:
        kind, _, name = event["by"].partition(":")
        assert kind in ("key", "phone", "agent", "operator", "job", "cli")
        assert name
        assert not name.startswith("soko_")
        assert sum(character.isdigit() for character in name) < 9

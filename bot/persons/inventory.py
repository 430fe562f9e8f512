"""Which columns hold personal data: the table that erasure reads, and that a test compares with docs/data.md.

A column of text, JSON or bytes that is not listed holds nothing about a person; the test wants every one in one of the
two tables, so that a new column cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ColumnKind = Literal[
    "number", "name", "address", "title", "words", "document", "json", "state", "secret", "masked", "file"
]
"""What a personal column holds.

`number`    an MSISDN, or a key made from it
`name`      the name of a person
`address`   where an order is sent, a JSON value
`title`     the words of an artisan or a buyer about goods; of others, only numbers are replaced there
`words`     text in which numbers, names and addresses of anybody may occur
`document`  a JSON value, `json` the same as text
`state`     bytes of a conversation; the row is deleted if it mentions a person who is erased
`secret`    a hash of a PIN or code, or a code
`masked`    a phone number without its middle digits, or the name of a user
`file`      the name or the hash of a picture
"""

PERSONAL: Mapping[str, Mapping[str, ColumnKind]] = {
    # what the bot keeps
    "session": {"msisdn": "number", "data": "state"},
    "fence": {"msisdn": "number", "document": "state"},
    "performed": {"msisdn": "number", "outcome": "state", "checkpoint": "state"},
    "message": {"msisdn": "number", "text": "words", "sealed": "secret", "error": "words"},
    "broadcast": {"text": "words", "by": "masked"},
    "early_report": {"msisdn": "number", "error": "words"},
    "outbox": {"lane": "number", "payload": "json", "key": "words", "error": "words"},
    "person": {"msisdn": "number", "pin_hash": "secret", "reset_hash": "secret"},
    "consent": {"msisdn": "number", "how": "words"},
    "lookup": {"msisdn": "number", "by": "masked"},
    # what the marketplace keeps
    "artisan": {"msisdn": "number", "name": "name", "payout_msisdn": "number"},
    "artisan_log_in": {"hash": "secret"},
    "product": {"title": "title", "description": "title"},
    "product_word": {"word": "title"},
    "photo": {"id": "file", "digest": "file"},
    "order": {
        "buyer_name": "name",
        "buyer_msisdn": "number",
        "ship_to": "address",
        "note": "words",
        "external_ref": "words",
        "tracking": "words",
    },
    "buyer_payment": {
        "msisdn": "number",
        "name": "name",
        "token": "secret",
        "return_url": "words",
        "url": "words",
        "detail": "words",
        "means": "words",
    },
    "refund": {"token": "secret", "query_token": "secret", "failure": "words", "note": "words"},
    "collecting_pause": {"reason": "words"},
    "settlement": {"reference": "words"},
    "exchange_rate": {"by": "masked"},
    "brief": {"title": "title"},
    "order_timeline": {"by": "masked"},
    "assignment": {"reason": "words"},
    "payout": {"msisdn": "number", "cash_code_hash": "secret", "failure": "words"},
    "event": {"data": "document", "by": "masked"},
    "webhook_delivery": {"error": "words"},
    "help_request": {"msisdn": "number", "words": "words"},
    "kiosk": {"agent_name": "name", "agent_msisdn": "number"},
    "idempotency_key": {"body": "json"},
    "ledger_entry": {"note": "words", "by": "masked"},
    "payout_pause": {"reason": "words"},
    "operator": {"name": "masked", "code_secret": "secret"},
    "operator_act": {"by": "masked", "before": "document", "after": "document"},
    "money_proposal": {
        "typed": "document",
        "effects": "document",
        "proposed_by": "masked",
        "decided_by": "masked",
    },
    "direct_payment": {"account": "words", "msisdn": "number", "name": "name"},
    # the simulator's
    "simulated_text": {"msisdn": "number", "text": "words"},
    "simulated_payment": {"msisdn": "number"},
    "simulated_collection": {"msisdn": "number"},
    "simulated_fault": {"name": "words"},
    "simulated_draw": {"subject": "words"},
    "simulated_phone": {"msisdn": "number"},
    "simulated_call": {"msisdn": "number"},
    "simulated_act": {"msisdn": "number", "text": "words"},
    "simulated_wire": {"phone": "number", "summary": "words", "request": "words", "response": "words"},
}

NOT_PERSONAL: Mapping[str, frozenset[str]] = {
    "session": frozenset({"holder", "left_by"}),
    "fence": frozenset({"kept_by"}),
    "performed": frozenset({"key", "gateway_session"}),
    "message": frozenset(
        {
            *("id", "direction", "channel", "status", "encoding", "cost", "provider", "provider_id", "language"),
            *("topic", "about", "dialogue", "true_while", "reported"),
        }
    ),
    "broadcast": frozenset({"id", "audience"}),
    "early_report": frozenset({"provider", "provider_id", "status", "raw_status", "reason"}),
    "outbox": frozenset({"kind", "lease_token"}),
    "person": frozenset({"language", "keyword_language", "opted_out_how"}),
    "consent": frozenset({"what"}),
    "lookup": frozenset({"what"}),
    "cursor": frozenset({"name"}),
    "schedule": frozenset({"name", "cron", "lease_token", "error"}),
    "rate": frozenset({"name"}),
    "budget": frozenset({"name"}),  # keyed hashes of addresses and phones
    "shop_facts": frozenset({"address", "document"}),  # crafts, kiosks and commission of a remote shop
    "tally": frozenset({"name", "label"}),
    "dialogue_count": frozenset({"channel", "dialogue", "state", "language", "outcome"}),
    "artisan": frozenset({"id", "language", "craft", "status", "kiosk_id", "payout_method"}),
    "artisan_log_in": frozenset({"artisan_id"}),
    "artisan_session": frozenset({"hash", "artisan_id"}),
    "product": frozenset({"id", "code", "artisan_id", "category", "currency", "status"}),
    "product_word": frozenset({"product_id"}),
    "photo": frozenset({"product_id"}),
    "order": frozenset(
        {
            *("id", "code", "status", "product_id", "currency", "buyer_locale", "placed_by", "kiosk_id", "carrier"),
            "payment_status",
        }
    ),
    "buyer_payment": frozenset(
        {
            *("id", "order_id", "method", "collector", "currency", "rate", "status", "provider_id", "reference"),
            "failure",
        }
    ),
    "refund": frozenset(
        {"id", "payment_id", "order_id", "currency", "reason", "status", "provider", "provider_id", "reference"}
    ),
    "collector_event": frozenset({"collector", "id"}),
    "collecting_pause": frozenset({"collector"}),
    "storefront_terms": frozenset({"key_id"}),
    "settlement": frozenset({"id", "key_id", "currency"}),
    "exchange_rate": frozenset({"currency", "rate", "margin"}),
    "shipping_charge": frozenset({"country"}),
    "tax_rate": frozenset({"country"}),
    "brief": frozenset({"order_id", "category", "kiosk_id"}),
    "assignment": frozenset({"order_id", "artisan_id", "status", "received_by"}),
    "order_timeline": frozenset({"order_id", "status"}),
    "payout": frozenset(
        {
            *("id", "code", "artisan_id", "order_id", "currency", "method", "status", "payment_id", "provider"),
            *("provider_reference", "blame", "kiosk_id", "hold"),
        }
    ),
    "direct_payment": frozenset(
        {"id", "collector", "receipt", "token", "status", "asked_payment_id", "payment_id", "reference"}
    ),
    "paid_sum": frozenset({"artisan_id"}),
    "payment_name": frozenset({"name", "payout_id", "meaning"}),
    "event": frozenset({"id", "type"}),
    "webhook_endpoint": frozenset(
        {"id", "owner", "scope", "url", "event_types", "secret", "old_secret", "disabled_why"}
    ),
    "webhook_delivery": frozenset({"id", "endpoint_id", "event_id", "status"}),
    "help_request": frozenset({"id", "order_id", "problem", "handler_id"}),
    "kiosk": frozenset({"id", "code", "name", "town"}),
    "wrong_cash_code": frozenset({"kiosk_id"}),
    "api_key": frozenset({"id", "name", "scope", "prefix", "hash"}),
    "operator": frozenset({"id", "role"}),
    "operator_invitation": frozenset({"hash", "operator_id"}),
    "operator_passkey": frozenset({"id", "operator_id", "public_key"}),
    "operator_session": frozenset({"hash", "operator_id"}),
    "operator_act": frozenset({"act", "about"}),
    "money_proposal": frozenset({"id", "act", "about", "digest", "status"}),
    "idempotency_key": frozenset({"caller", "key", "fingerprint"}),
    "ledger_account": frozenset({"name", "currency"}),
    "ledger_entry": frozenset({"key"}),
    "ledger_posting": frozenset({"account"}),
    "ledger_checkpoint": frozenset({"account"}),
    "shop_currency": frozenset({"currency"}),
    "simulated_text": frozenset({"id", "sender"}),
    "simulated_payment": frozenset({"id", "conversation", "currency", "code"}),
    "simulated_collection": frozenset({"id", "account", "url", "code", "receipt", "reversal"}),
    "simulated_session": frozenset(
        {
            *("id", "intent", "charge", "about", "currency", "success_url", "cancel_url"),
            *("status", "dispute"),
        }
    ),
    "simulated_refund": frozenset({"id", "intent", "refund", "first", "outcome"}),
    "simulated_request": frozenset({"key", "parameters", "answer"}),
    "simulated_fault": frozenset({"id", "target", "fault"}),
    "simulated_draw": frozenset({"fault"}),
    "simulated_phone": frozenset({"operator"}),
    "simulated_call": frozenset({"id"}),
    "simulated_reset": frozenset(),
    "simulated_act": frozenset({"act", "channel"}),
    "simulated_wire": frozenset({"direction", "kind", "provider"}),
}
"""The other columns of text, JSON or bytes."""

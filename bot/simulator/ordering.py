"""Orders of the page's storefront, which vouches for its buyers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.runtime.settings import SIMULATOR
from bot.services import Services
from bot.simulator.wire import Exchange, Wire
from marketplace_api.actors import Actor
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders import placing


def place(services: Services, log: Wire, body: Mapping[str, Any], idempotency_key: str) -> StoredAnswer:
    """Place an order as a storefront that vouches for it."""
    with services.database.writing.begin() as session:
        shop = services.shop(session, Actor("key", SIMULATOR))
        answer = placing.place_once(shop, SIMULATOR, idempotency_key, body)
    buyer = body.get("buyer")
    phone = str(buyer.get("phone", "")) if isinstance(buyer, dict) else ""
    log.record(
        Exchange(
            *("in", "order", SIMULATOR, phone, f"an order -> HTTP {answer.status}", "POST", "/api/v1/orders"),
            headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key},
            body=json.dumps(body),
            status=answer.status,
            answer=answer.body,
        )
    )
    return answer

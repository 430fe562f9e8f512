"""Webhook endpoints in the console, with what was delivered to them.

GET  /operator/settings/webhooks                              all endpoints
GET  /operator/settings/webhooks/<id>?status=&after=          the deliveries of one, newest first
POST /operator/settings/webhooks/<id>/test                    pushes a test event to it
POST /operator/settings/webhooks/<id>/deliveries/<d>/replay   pushes an event again
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import get_args

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from werkzeug.wrappers import Response

from bot.web.operator.access import reading, writing
from marketplace_api.accounts import api_keys, operators
from marketplace_api.events import webhooks as domain
from marketplace_api.models import WebhookDelivery, WebhookEndpoint
from marketplace_api.rest import lists
from marketplace_api.shop import Shop
from marketplace_api.statuses import DeliveryStatus

webhooks = Blueprint("webhooks", __name__)

A_PAGE = 50
MOST_LISTED = 200
STATUSES: tuple[DeliveryStatus, ...] = get_args(DeliveryStatus)


@webhooks.get("/settings/webhooks")
def page() -> str:
    newest = select(WebhookEndpoint).order_by(WebhookEndpoint.created_at.desc(), WebhookEndpoint.id.desc())
    with reading() as shop:
        endpoints = shop.session.scalars(newest.limit(MOST_LISTED)).all()
        return render_template("webhooks.html", endpoints=endpoints, owners=_owners(shop), counts=_counts(shop))


def _owners(shop: Shop) -> Mapping[str, str]:
    """The names of keys by their ids."""
    return {key.id: key.name for key in api_keys.list_all(shop)}


def _counts(shop: Shop) -> Mapping[str, Mapping[str, int]]:
    """How many deliveries of each endpoint are in each status."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    counted = select(WebhookDelivery.endpoint_id, WebhookDelivery.status, func.count())
    for id, status, count in shop.session.execute(
        counted.group_by(WebhookDelivery.endpoint_id, WebhookDelivery.status)
    ):
        found[id][status] = count
    return found


@webhooks.get("/settings/webhooks/<id>")
def endpoint(id: str) -> str:
    status = request.args.get("status", "")
    with reading() as shop:
        found = domain.by_id(shop, id)
        deliveries = shop.session.scalars(_deliveries(shop, id, status, request.args.get("after"))).all()
        return render_template(
            "webhook.html",
            endpoint=found,
            owner=_owners(shop).get(found.owner, found.owner),
            deliveries=deliveries[:A_PAGE],
            has_more=len(deliveries) > A_PAGE,
            status=status,
            statuses=STATUSES,
            acts=operators.acts_about(shop, id),
        )


def _deliveries(shop: Shop, id: str, status: str, after: str | None) -> Select[WebhookDelivery]:
    newest = select(WebhookDelivery).order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    found = newest.where(WebhookDelivery.endpoint_id == id).limit(A_PAGE + 1)
    if status in STATUSES:
        found = found.where(WebhookDelivery.status == status)
    last = shop.session.get(WebhookDelivery, after) if after else None
    if last:
        found = found.where(lists.after(WebhookDelivery, (last.created_at, last.id)))
    return found


@webhooks.post("/settings/webhooks/<id>/test")
def test(id: str) -> Response:
    with writing() as shop:
        domain.create_test_event(shop, domain.by_id(shop, id))
        operators.log(shop, "webhook_endpoint.tested", id)
    return redirect(url_for(".endpoint", id=id), 303)


@webhooks.post("/settings/webhooks/<id>/deliveries/<delivery_id>/replay")
def replay(id: str, delivery_id: str) -> Response:
    with writing() as shop:
        delivery = domain.delivery_by_id(shop, domain.by_id(shop, id), delivery_id)
        before = {"status": delivery.status, "attempts": delivery.attempts}
        domain.replay(shop, delivery)
        operators.log(shop, "webhook_delivery.replayed", id, before=before, after={"delivery": delivery_id})
    return redirect(url_for(".endpoint", id=id), 303)

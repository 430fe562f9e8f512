"""`/webhook-endpoints`: the addresses to which events are pushed, and the deliveries.

A storefront sees and changes its own endpoints, an operator all endpoints.
"""

from __future__ import annotations

from typing import Annotated, Literal

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import select

from marketplace_api.events import webhook_addresses, webhooks
from marketplace_api.fields import Body
from marketplace_api.models import WebhookDelivery, WebhookEndpoint
from marketplace_api.refused import Refused
from marketplace_api.rest.access import caller, requires, sees_all, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.schemas.events import Event
from marketplace_api.schemas.webhooks import WebhookDelivery as WebhookDeliverySchema
from marketplace_api.schemas.webhooks import WebhookEndpoint as WebhookEndpointSchema
from marketplace_api.schemas.webhooks import WebhookEndpointSecret

blueprint = APIBlueprint("webhook_endpoints", __name__, tag="Webhooks")

WEBHOOKS_ANYWHERE = "WEBHOOKS_ANYWHERE"  # in development: also http, also private networks


def _check_url(value: str) -> str:
    return webhook_addresses.check_url(value, anywhere=current_app.config[WEBHOOKS_ANYWHERE])


WebhookUrl = Annotated[
    str,
    Field(max_length=500, json_schema_extra={"format": "webhook-url", "examples": ["https://shop.example/soko"]}),
    AfterValidator(_check_url),
]
EventTypeName = Annotated[
    str,
    StringConstraints(max_length=50, pattern=r"^[a-z_]+\.[a-z_]+$"),
    Field(examples=["order.accepted"]),
]


class EndpointIn(Body):
    """The URL to push events to, and their types; without `event_types`, all that the key may see."""

    url: WebhookUrl
    event_types: Annotated[list[EventTypeName], Field(min_length=1, max_length=50)] | None = None


class DeliveryQuery(PageQuery):
    """Filters of the list."""

    status: Literal["pending", "delivered", "failed"] | None = None


@blueprint.post("/webhook-endpoints")
@requires("storefront", refusals=(409,))
@idempotent
@blueprint.input(EndpointIn)
@blueprint.output(WebhookEndpointSecret, 201)
def create_webhook_endpoint(json_data: EndpointIn) -> WebhookEndpointSecret:
    """Create an endpoint to which events are pushed. The secret that verifies them is shown only here.

    A storefront's endpoints get the events of the catalogue and of the orders that it placed.
    """
    owner, scope = caller().id, caller().endpoint_scope
    endpoint = webhooks.create(shop(), owner, scope, json_data.url, json_data.event_types)
    return WebhookEndpointSecret.of(endpoint)


@blueprint.get("/webhook-endpoints")
@requires("storefront")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[WebhookEndpointSchema])
def list_webhook_endpoints(query_data: PageQuery) -> Page[WebhookEndpointSchema]:
    """List webhook endpoints, newest first."""
    found = select(WebhookEndpoint)
    if not sees_all():
        found = found.where(WebhookEndpoint.owner == caller().id)
    return newest_first(WebhookEndpoint, found, query_data, WebhookEndpointSchema.of)


@blueprint.get("/webhook-endpoints/<id:endpoint_id>")
@requires("storefront")
@blueprint.output(WebhookEndpointSchema)
def get_webhook_endpoint(endpoint_id: str) -> WebhookEndpointSchema:
    """Show a webhook endpoint."""
    return WebhookEndpointSchema.of(_endpoint(endpoint_id))


@blueprint.delete("/webhook-endpoints/<id:endpoint_id>")
@requires("storefront")
@blueprint.output({}, 204)
def delete_webhook_endpoint(endpoint_id: str) -> Response:
    """Delete the endpoint and its deliveries."""
    webhooks.remove(shop(), _endpoint(endpoint_id))
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@blueprint.post("/webhook-endpoints/<id:endpoint_id>/rotate-secret")
@requires("storefront")
@blueprint.output(WebhookEndpointSecret)
def rotate_webhook_secret(endpoint_id: str) -> WebhookEndpointSecret:
    """Create a new secret; for a day events are also signed with the old one."""
    return WebhookEndpointSecret.of(webhooks.rotate_secret(shop(), _endpoint(endpoint_id)))


@blueprint.post("/webhook-endpoints/<id:endpoint_id>/test")
@requires("storefront")
@blueprint.output(Event)
def test_webhook_endpoint(endpoint_id: str) -> Event:
    """Push a test event to this endpoint only.

    A disabled endpoint also gets it, once, and is enabled again if it answers 2xx.
    """
    return Event.of(webhooks.create_test_event(shop(), _endpoint(endpoint_id)))


@blueprint.get("/webhook-endpoints/<id:endpoint_id>/deliveries")
@requires("storefront")
@blueprint.input(DeliveryQuery, location="query")
@blueprint.output(Page[WebhookDeliverySchema])
def list_webhook_deliveries(endpoint_id: str, query_data: DeliveryQuery) -> Page[WebhookDeliverySchema]:
    """List deliveries to the endpoint, newest first."""
    found = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == _endpoint(endpoint_id).id)
    if query_data.status:
        found = found.where(WebhookDelivery.status == query_data.status)
    return newest_first(WebhookDelivery, found, query_data, WebhookDeliverySchema.of)


@blueprint.post("/webhook-endpoints/<id:endpoint_id>/deliveries/<id:delivery_id>/replay")
@requires("storefront")
@blueprint.output(WebhookDeliverySchema)
def replay_webhook_delivery(endpoint_id: str, delivery_id: str) -> WebhookDeliverySchema:
    """Push the event again now, under the same id, for any status of the delivery.

    A disabled endpoint also gets it, once, and is enabled again if it answers 2xx.
    """
    endpoint = _endpoint(endpoint_id)
    return WebhookDeliverySchema.of(webhooks.replay(shop(), webhooks.delivery_by_id(shop(), endpoint, delivery_id)))


def _endpoint(endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, if the caller may see it; otherwise `Refused` with `unknown_webhook_endpoint`."""
    endpoint = webhooks.by_id(shop(), endpoint_id)
    if endpoint.owner != caller().id and not sees_all():
        raise Refused("unknown_webhook_endpoint", 404)
    return endpoint

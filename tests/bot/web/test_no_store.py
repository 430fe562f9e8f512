"""No browser and no proxy stores an answer that shows a person's data: on every route, unless it is named as public."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bot.web.no_store import PUBLIC
from tests.bot.fixtures import AKINYI, received_order
from tests.service import OPERATOR_KEY, Service

KEY = {"Authorization": f"Bearer {OPERATOR_KEY}"}
OF_ONE_BROWSER = "private, max-age=0"
MAY_BE_STORED = {
    *(
        "/",
        "/how",
        "/makers/<artisan_id>",
        "/kiosks/<kiosk_id>",
        "/privacy",
        "/robots.txt",
        "/sitemap.xml",
        "/favicon.ico",
        "/static/<path:filename>",
        "/photos/<file>",
        "/simulator/static/<path:filename>",
    ),
    *("/api/v1/products", "/api/v1/products/{product_id}", "/api/v1/openapi.json", "/api/v1/docs"),
}
"""Whoever adds a route here says that it shows everybody the same, and nobody's data."""


def routes(shop: Service) -> Iterator[tuple[str, str]]:
    """Every route of pages, callbacks and API, with each of its methods."""
    for rule in shop.app.url_map.iter_rules():
        for method in rule.methods or ():
            yield method, rule.rule
    for path, operations in shop.http.get("/api/v1/openapi.json").get_json()["paths"].items():
        for method in operations.keys() & {"get", "post", "patch", "put", "delete"}:
            yield method.upper(), f"/api/v1{path}"
    yield from (("GET", f"/api/v1{path}") for path in ("/openapi.json", "/docs"))


def ids(shop: Service) -> dict[str, str]:
    """An existing value for what may vary in a path."""
    order = received_order(shop)
    (payout,) = shop.api("GET", "/payouts")["data"]
    (artisan,) = shop.api("GET", "/artisans")["data"]
    (kiosk,) = shop.api("GET", "/kiosks")["data"]
    (product,) = shop.api("GET", "/products")["data"]
    message = shop.api("GET", "/messages")["data"][0]
    found = {
        "order": order["id"],
        "payout": payout["id"],
        "artisan": artisan["id"],
        "kiosk": kiosk["id"],
        "product": product["id"],
        "message": message["id"],
    }
    return {f"{name}_id": value for name, value in found.items()} | {
        "msisdn": quote(AKINYI),
        "day": "2026-11-23",
        "code": product["code"],
        "token": shop.services.photo_links.link(product["code"], shop.clock()).rpartition("/")[2],
        "secret": shop.settings.webhook_secret,
    }


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"[<{](?:\w+:)?(\w+)[>}]", lambda match: values.get(match[1], "one"), path)


def test_every_route_forbids_storing_unless_it_is_public(embedded: Service) -> None:
    values = ids(embedded)
    answers = {
        (method, path): embedded.http.open(filled(path, values), method=method, headers=KEY)
        for method, path in routes(embedded)
    }
    shown = {path for (method, path), answer in answers.items() if method == "GET" and answer.status_code == 200}
    kept = {path for (_, path), answer in answers.items() if answer.headers.get("Cache-Control") == OF_ONE_BROWSER}
    stored = {path for (_, path), answer in answers.items() if answer.headers.get("Cache-Control") != "no-store"} - kept

    assert stored == MAY_BE_STORED
    assert kept == {"/products/<code>"}, "whose form orders once, also after going back to it"
    assert len(shown - stored) > 15, "too few pages and lists with data were reached"
    assert {answer.headers["Cache-Control"] for key, answer in answers.items() if key[0] not in ("GET", "HEAD")} == {
        "no-store"
    }


@pytest.mark.parametrize("path", ["/", "/how", "/privacy", "/api/v1/products"])
def test_what_is_public_is_the_same_for_everybody(embedded: Service, path: str) -> None:
    mine = embedded.http.get(path, headers=KEY)

    assert mine.data == embedded.http.get(path).data
    assert AKINYI not in mine.text


@pytest.mark.parametrize(
    "path", ["/products/K7P4", "/o/secret", "/operator", "/static", "/photos/a/b", "/api/v1/orders"]
)
def test_other_paths_are_not_public(path: str) -> None:
    assert PUBLIC.fullmatch(path) is None

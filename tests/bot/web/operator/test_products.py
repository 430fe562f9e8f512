"""Products in the console: found, corrected after a check of the price, taken off sale, and given a photo."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from marketplace_api.models import OperatorAct
from tests.bot.fixtures import AKINYI, POT, add_product, place_order, products_titled
from tests.bot.web.operator.visitor import logged_in, words
from tests.service import Service

PRODUCTS = "/operator/products"


def product(service: Service, title: str = POT) -> Any:
    (found,) = products_titled(service, title)
    return found


def acts(service: Service) -> list[tuple[str, Any]]:
    with service.services.database.reading() as session:
        rows = session.scalars(select(OperatorAct).where(OperatorAct.act.startswith("product.")))
        return [(row.act, row.after) for row in rows]


def test_products_are_found_by_code_title_status_and_artisan(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.operator.product_pages.A_PAGE", 1)
    add_product(embedded, AKINYI, "Sisal basket", quantity=0)
    pot, visitor = product(embedded), logged_in(embedded, "money")
    newest = words(visitor.get(PRODUCTS))
    assert "Sisal basket sold out" in newest
    assert "Older products" in newest
    for asked in (f"q={pot['code'].lower()}", "q=water", "status=listed"):
        said = words(visitor.get(f"{PRODUCTS}?{asked}"))
        assert POT in said, asked
        assert "Sisal" not in said, asked
    assert "Of one artisan alone" in words(visitor.get(f"{PRODUCTS}?artisan={pot['artisan']['id']}"))
    for asked in ("q=%25", "artisan=art_none"):
        assert "No product is like that" in words(visitor.get(f"{PRODUCTS}?{asked}"))
    said = words(visitor.get(f"{PRODUCTS}/{pot['id']}"))
    assert "Of it, for the artisan KES 1,620" in said
    assert "Correct the words" not in said
    assert visitor.get(f"{PRODUCTS}/prd_none").status_code == 404
    assert visitor.send(f"{PRODUCTS}/{pot['id']}/withdraw").status_code == 403


def test_words_and_price_are_corrected_and_existing_orders_keep_their_price(embedded: Service) -> None:
    order, visitor = place_order(embedded), logged_in(embedded, "desk")
    path = f"{PRODUCTS}/{product(embedded)['id']}"
    visitor.get(path)
    assert visitor.submit("/words", title="Clay pot", description="Keeps water cool").status_code == 303
    visitor.send(f"{path}/words", title="Clay pot", description="Keeps water cool")
    for typed in ({"title": ""}, {"title": "Po"}, {"title": "x" * 41}, {"title": "Pot", "description": "x" * 501}):
        assert visitor.send(f"{path}/words", **typed).status_code == 422
    for price in ("", "cheap", "-5", "0", "1500.505"):
        assert visitor.send(f"{path}/price/check", price=price).status_code == 422, price
    visitor.get(path)
    said = words(visitor.submit("/price/check", price="180"))
    assert "now KES 1,800, costs KES 180 then. The artisan earns KES 162" in said
    assert "less than half" in said
    assert product(embedded, "Clay pot")["price"]["amount"] == 1800_00

    assert visitor.submit("/price").status_code == 303
    changed = product(embedded, "Clay pot")
    assert (changed["price"]["amount"], changed["description"]) == (180_00, "Keeps water cool")
    assert embedded.api("GET", f"/orders/{order['id']}")["total"]["amount"] == 1800_00
    assert acts(embedded) == [
        ("product.corrected", {"id": changed["id"], "title": "Clay pot", "changed": ["title", "description"]}),
        ("product.price_changed", {"price": 180_00}),
    ]
    assert "less than half" not in words(visitor.send(f"{path}/price/check", price="200"))


def test_a_product_is_taken_off_sale_once_and_photos_are_taken_on_its_page(embedded: Service) -> None:
    place_order(embedded, 2)
    path, visitor = f"{PRODUCTS}/{product(embedded)['id']}", logged_in(embedded, "desk")
    visitor.get(path)
    link = visitor.submit("/photo").headers["Location"]
    assert link.startswith("/p/")
    assert POT in embedded.http.get(link).text
    assert "2 pieces of it are ordered" in words(visitor.get(f"{path}/withdraw"))
    assert visitor.submit("/withdraw").status_code == 303
    assert products_titled(embedded, POT) == []
    for act in ("withdraw", "words", "price/check", "photo"):
        assert visitor.send(f"{path}/{act}", title="Pot", price="5").status_code == 409, act
    assert [act for act, _ in acts(embedded)] == ["product.photo_link_used", "product.withdrawn"]
    assert "Take it off sale" not in words(visitor.get(path))

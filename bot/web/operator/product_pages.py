"""Products in the console: found, corrected, and taken off sale.

GET  /operator/products?q=&status=&artisan=&after=    by code or words of the title, newest first
GET  /operator/products/<id>                          one product with its photos
POST /operator/products/<id>/words                    corrects title and description
POST /operator/products/<id>/price/check              says what another price does
POST /operator/products/<id>/price                    changes it
GET  /operator/products/<id>/withdraw                 says what withdrawing does
POST /operator/products/<id>/withdraw                 takes it off sale for ever
POST /operator/products/<id>/photo                    303 to the page that takes a photo
"""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, select
from werkzeug.wrappers import Response

from bot.web.formats import path
from bot.web.formats import price as written
from bot.web.operator import typed
from bot.web.operator.access import reading, resources, writing
from bot.web.operator.checking import check_page
from marketplace_api import codes
from marketplace_api.accounts import operators
from marketplace_api.catalogue import products as domain
from marketplace_api.models import Product
from marketplace_api.refused import Refused
from marketplace_api.rest import lists
from marketplace_api.schemas.money import Money
from marketplace_api.shares import split
from marketplace_api.shop import Shop
from marketplace_api.statuses import ProductStatus

products = Blueprint("products", __name__)

A_PAGE = 30
SHORTEST_TITLE, LONGEST_TITLE = 3, 40
LONGEST_DESCRIPTION = 500
STATUSES: tuple[ProductStatus, ...] = get_args(ProductStatus)
TOO_LONG = f"The description has at most {LONGEST_DESCRIPTION} characters."


@products.get("/products")
def page() -> str:
    args = request.args
    asked, status, artisan = args.get("q", "").strip(), args.get("status", ""), args.get("artisan", "")
    with reading() as shop:
        found = shop.session.scalars(_search(shop, asked, status, artisan, args.get("after")).limit(A_PAGE + 1)).all()
        return render_template(
            "products.html",
            products=[domain.to_schema(shop, product) for product in found[:A_PAGE]],
            has_more=len(found) > A_PAGE,
            asked=asked,
            status=status,
            artisan=artisan,
            statuses=STATUSES,
        )


def _search(shop: Shop, asked: str, status: str, artisan: str, after: str | None) -> Select[Product]:
    found = select(Product).order_by(Product.created_at.desc(), Product.id.desc())
    if status in STATUSES:
        found = found.where(Product.status == status)
    if artisan:
        found = found.where(Product.artisan_id == artisan)
    if asked:
        found = found.where(_is_asked(shop, asked))
    last = shop.session.get(Product, after) if after else None
    if last:
        found = found.where(lists.after(Product, (last.created_at, last.id)))
    return found


def _is_asked(shop: Shop, asked: str) -> ColumnElement[bool]:
    """The product with this code, else those whose title has these words."""
    if domain.by_code(shop, asked):
        return Product.code == codes.normalise(asked)
    return Product.title.icontains(asked, autoescape=True)


@products.get("/products/<id>")
def product(id: str) -> str:
    with reading() as shop:
        found = domain.by_id(shop, id)
        return render_template(
            "product.html",
            product=domain.to_schema(shop, found),
            earns=_earns(shop, found.price),
            acts=operators.acts_about(shop, id),
            longest_title=LONGEST_TITLE,
            longest_description=LONGEST_DESCRIPTION,
        )


def _earns(shop: Shop, price: int) -> Money:
    """What the artisan earns by one piece at this price."""
    return _own(shop, split(price, 1, shop.terms.commission_percent).earns)


def _own(shop: Shop, amount: int) -> Money:
    return Money(amount=amount, currency=shop.terms.currency)


@products.post("/products/<id>/words")
def words(id: str) -> Response:
    title = typed.line("title", "title", LONGEST_TITLE, SHORTEST_TITLE)
    description = request.form.get("description", "").replace("\r\n", "\n").replace("\x00", "").strip()
    if len(description) > LONGEST_DESCRIPTION:
        raise typed.MistypedError(TOO_LONG)
    with writing() as shop:
        found = domain.by_id(shop, id)
        before, changed = found.title, []
        if title != before:
            domain.set_title(shop, found.artisan, found.code, title)
            changed.append("title")
        if description != found.description:
            domain.set_description(shop, found.artisan, found.code, description)
            changed.append("description")
        if changed:
            # with the id, so that erasing the artisan finds names in titles
            after = {"id": id, "title": title, "changed": changed}
            operators.log(shop, "product.corrected", id, before={"id": id, "title": before}, after=after)
    return _back(id)


@products.post("/products/<id>/price/check")
def price_check(id: str) -> str:
    with reading() as shop:
        found, price = domain.by_id(shop, id), typed.price(shop, "price")
        old, new, earns = _own(shop, found.price), _own(shop, price), _earns(shop, price)
        if found.status == "withdrawn":
            raise Refused("product_withdrawn", code=found.code)
    return check_page(
        f"Another price for {found.title}",
        [
            f"One piece, now {written(old)}, costs {written(new)} then. The artisan earns {written(earns)} by it.",
            *(["That is less than half, or more than double. Is it right?"] if _is_far(found.price, price) else []),
            "Orders that exist keep their price. Nobody is texted: tell the artisan.",
        ],
        action=url_for(".price", id=id),
        button="Change the price",
        back=url_for(".product", id=id),
        hidden={"price": request.form["price"]},
    )


def _is_far(old: int, new: int) -> bool:
    return new * 2 < old or new > old * 2


@products.post("/products/<id>/price")
def price(id: str) -> Response:
    with writing() as shop:
        found, amount = domain.by_id(shop, id), typed.price(shop, "price")
        before = {"price": found.price}
        domain.set_price(shop, found.artisan, found.code, amount)
        operators.log(shop, "product.price_changed", id, before=before, after={"price": amount})
    return _back(id)


@products.get("/products/<id>/withdraw")
def withdraw_check(id: str) -> str:
    with reading() as shop:
        found = domain.by_id(shop, id)
        reserved, title = found.reserved, found.title
    return check_page(
        f"Take {title} off sale",
        [
            "It is not shown in the shop window or by phone any more. This cannot be undone.",
            f"Orders that exist stay: {reserved} pieces of it are ordered.",
            "Nobody is texted: tell the artisan.",
        ],
        action=url_for(".withdraw", id=id),
        button="Take it off sale",
        back=url_for(".product", id=id),
        hidden={},
    )


@products.post("/products/<id>/withdraw")
def withdraw(id: str) -> Response:
    with writing() as shop:
        found = domain.by_id(shop, id)
        before = {"status": found.status}
        domain.withdraw(shop, found.artisan, found.code)
        operators.log(shop, "product.withdrawn", id, before=before, after={"status": "withdrawn"})
    return _back(id)


@products.post("/products/<id>/photo")
def photo(id: str) -> Response:
    with writing() as shop:
        found = domain.by_id(shop, id)
        if found.status == "withdrawn":
            raise Refused("product_withdrawn", code=found.code)
        operators.log(shop, "product.photo_link_used", id)
        link = resources().photo_link(found.code, shop.now)
    return redirect(path(link), 303)


def _back(id: str) -> Response:
    return redirect(url_for(".product", id=id), 303)

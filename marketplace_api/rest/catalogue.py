"""`/products` and `/artisans`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, cast

from apiflask import APIBlueprint
from flask import Response
from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, select

from marketplace_api import models
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products, search, shown
from marketplace_api.fields import Body, Id, LateRoot, Line, Note, Price, Title, whole
from marketplace_api.rest.access import public, requires, sees_all, shop
from marketplace_api.rest.etags import with_etag
from marketplace_api.rest.lists import Page, PageQuery, after, encoded, newest_first
from marketplace_api.schemas.artisans import Artisan, PublicArtisan
from marketplace_api.schemas.products import Product
from marketplace_api.statuses import ProductStatus

blueprint = APIBlueprint("catalogue", __name__, tag="Catalogue")


class ProductQuery(PageQuery):
    """Filters of the catalogue.

    `q` finds products that have all of its words, or words that begin like them, in their title, description or code.
    """

    category: Line | None = None
    artisan: Id | None = None
    q: Line | None = None
    status: ProductStatus = "listed"


class ProductPatch(Body):
    """The changes of a product; fields that are left out stay. `quantity` is the pieces that can be ordered."""

    title: Title | None = None
    description: Note | None = None
    price: Price | None = None
    quantity: Annotated[int, Field(ge=0, le=1000), BeforeValidator(whole)] | None = None
    status: Literal["withdrawn"] | None = None


class AnyArtisan(LateRoot[Artisan | PublicArtisan]):
    """The fields of an artisan that the caller may see."""


@blueprint.get("/products")
@with_etag
@public
@blueprint.input(ProductQuery, location="query")
@blueprint.output(Page[Product])
def list_products(query_data: ProductQuery) -> Response:
    """List products, newest first; without `status`, those that can be ordered."""
    query, most = query_data, query_data.limit + 1
    is_filtered = query.category or query.artisan or query.q or query.cursor
    found = shown.newest_of(shop(), most, *_filters(query)) if is_filtered else shown.newest(shop(), query.status, most)
    on_page, has_more = found[: query.limit], len(found) > query.limit
    cursor = encoded((on_page[-1].schema.created_at.isoformat(), on_page[-1].schema.id)) if has_more else None
    # as `Page` would be written, of parts that are there already
    data, last = ",".join([product.json for product in on_page]), f'"{cursor}"' if cursor else "null"
    body = f'{{"object":"list","data":[{data}],"has_more":{str(has_more).lower()},"next_cursor":{last}}}\n'
    return Response(body, mimetype="application/json")


def _filters(query: ProductQuery) -> Iterator[ColumnElement[bool]]:
    status = cast(ColumnElement[str], models.Product.status.expression)
    if query.category:
        yield models.Product.category == query.category
    if query.artisan:
        yield models.Product.artisan_id == query.artisan
    if query.q:
        found_by_words = search.conditions_for(shop(), query.q)
        yield from found_by_words.conditions
        # no index matches this expression, so the database reads the index of words first
        status = status.concat("") if found_by_words.few else status
    if query.cursor:
        yield after(models.Product, query.cursor)
    yield status == query.status


@blueprint.get("/products/<id:product_id>")
@with_etag
@public
@blueprint.output(Product)
def get_product(product_id: str) -> Product:
    """Show a product."""
    return products.to_schema(shop(), products.by_id(shop(), product_id))


@blueprint.patch("/products/<id:product_id>")
@requires("operator", refusals=(409,))
@blueprint.input(ProductPatch)
@blueprint.output(Product)
def change_product(product_id: str, json_data: ProductPatch) -> Product:
    """Correct a product; `withdrawn` takes it off sale for ever. Orders that exist keep their price."""
    product = products.by_id(shop(), product_id)
    price = json_data.price.minor_units() if json_data.price else None
    changes = json_data.model_dump(include={"title", "description", "quantity"}, exclude_none=True)
    if changes or price:
        product = products.change(shop(), product, price=price, **changes)
    if json_data.status:
        product = products.withdraw(shop(), product.artisan, product.code)
    return products.to_schema(shop(), product)


@blueprint.get("/artisans")
@requires("kiosks")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[Artisan])
def list_artisans(query_data: PageQuery) -> Page[Artisan]:
    """List artisans, newest first."""
    return newest_first(models.Artisan, select(models.Artisan), query_data, Artisan.of)


@blueprint.get("/artisans/<id:artisan_id>")
@public
@blueprint.output(AnyArtisan)
def get_artisan(artisan_id: str) -> PublicArtisan:
    """Show an artisan; phone, language and payout to operators only."""
    schema = Artisan if sees_all("kiosks") else PublicArtisan
    return schema.of(artisans.by_id(shop(), artisan_id))

"""`/products` and `/artisans`."""

from __future__ import annotations

from functools import partial
from typing import cast

from apiflask import APIBlueprint
from pydantic import RootModel
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import selectinload

from marketplace_api import models
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products, search
from marketplace_api.fields import Id, Line
from marketplace_api.rest.access import public, requires, sees_all, shop
from marketplace_api.rest.etags import with_etag
from marketplace_api.rest.lists import Page, PageQuery, newest_first
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


class AnyArtisan(RootModel[Artisan | PublicArtisan]):
    """The fields of an artisan that the caller may see."""


@blueprint.get("/products")
@with_etag
@public
@blueprint.input(ProductQuery, location="query")
@blueprint.output(Page[Product])
def list_products(query_data: ProductQuery) -> Page[Product]:
    """List products, newest first; without `status`, those that can be ordered."""
    return newest_first(models.Product, _found(query_data), query_data, partial(products.to_schema, shop()))


def _found(query: ProductQuery) -> Select[models.Product]:
    found = select(models.Product).options(selectinload(models.Product.photos))
    status = cast(ColumnElement[str], models.Product.status.expression)
    if query.category:
        found = found.where(models.Product.category == query.category)
    if query.artisan:
        found = found.where(models.Product.artisan_id == query.artisan)
    if query.q:
        found_by_words = search.conditions_for(shop(), query.q)
        found = found.where(*found_by_words.conditions)
        # no index matches this expression, so the database reads the index of words first
        status = status.concat("") if found_by_words.few else status
    return found.where(status == query.status)


@blueprint.get("/products/<id:product_id>")
@with_etag
@public
@blueprint.output(Product)
def get_product(product_id: str) -> Product:
    """Show a product."""
    return products.to_schema(shop(), products.by_id(shop(), product_id))


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

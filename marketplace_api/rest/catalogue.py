"""`/products` and `/artisans`."""

from __future__ import annotations

from functools import partial

from apiflask import APIBlueprint
from pydantic import RootModel
from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from marketplace_api import artisans, models, products, shapes
from marketplace_api.rest.access import is_operator, public, requires, shop
from marketplace_api.rest.fields import Id, Line
from marketplace_api.rest.lists import Page, PageQuery, newest_first

blueprint = APIBlueprint("catalogue", __name__, tag="Catalogue")


class ProductQuery(PageQuery):
    """Filters of the catalogue; `q` is looked for in title and description."""

    category: Line | None = None
    artisan: Id | None = None
    q: Line | None = None
    status: shapes.ProductStatus = "listed"


class AnyArtisan(RootModel[shapes.Artisan | shapes.PublicArtisan]):
    """An artisan as the caller may see her."""


@blueprint.get("/products")
@public
@blueprint.input(ProductQuery, location="query")
@blueprint.output(Page[shapes.Product])
def list_products(query_data: ProductQuery) -> Page[shapes.Product]:
    """List products, newest first; without `status`, those that can be ordered."""
    found = select(models.Product).where(models.Product.status == query_data.status)
    found = found.options(selectinload(models.Product.photos))
    if query_data.category:
        found = found.where(models.Product.category == query_data.category)
    if query_data.artisan:
        found = found.where(models.Product.artisan_id == query_data.artisan)
    if q := query_data.q:
        words = (models.Product.title, models.Product.description)
        found = found.where(or_(*(column.icontains(q, autoescape=True) for column in words)))
    return newest_first(models.Product, found, query_data, partial(products.shown, shop()))


@blueprint.get("/products/<id:product_id>")
@public
@blueprint.output(shapes.Product)
def get_product(product_id: str) -> shapes.Product:
    """Show a product."""
    return products.shown(shop(), products.by_id(shop(), product_id))


@blueprint.get("/artisans")
@requires("operator")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[shapes.Artisan])
def list_artisans(query_data: PageQuery) -> Page[shapes.Artisan]:
    """List artisans, newest first."""
    return newest_first(models.Artisan, select(models.Artisan), query_data, shapes.Artisan.of)


@blueprint.get("/artisans/<id:artisan_id>")
@public
@blueprint.output(AnyArtisan)
def get_artisan(artisan_id: str) -> shapes.PublicArtisan:
    """Show an artisan; phone, language and payout to operators only."""
    shape = shapes.Artisan if is_operator() else shapes.PublicArtisan
    return shape.of(artisans.by_id(shop(), artisan_id))

"""Products and their stock."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, select, update
from sqlalchemy.orm import lazyload, selectinload

from marketplace_api import codes, locks
from marketplace_api.catalogue import search
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.models import Artisan, Product
from marketplace_api.refused import Refused
from marketplace_api.schemas.products import Product as ProductSchema
from marketplace_api.shop import Shop, add_with_code
from marketplace_api.statuses import ProductStatus


def list_product(
    shop: Shop,
    artisan: Artisan,
    *,
    title: str,
    category: str,
    price: int,
    quantity: int,
    description: str = "",
) -> Product:
    """Put a product on sale: `quantity` pieces at `price` minor units each.

    `Refused` with `unknown_category`, or with `not_an_artisan` if the artisan has left.
    """
    if category not in CATEGORIES:
        raise Refused("unknown_category", 422, category=category)
    seller = locks.take_one(shop, Artisan, Artisan.id == artisan.id)
    if seller is None or seller.status == "left":
        raise Refused("not_an_artisan", 403)
    product = add_with_code(
        shop,
        lambda code: Product(
            id=shop.ids.new_id("prd"),
            code=code,
            artisan=seller,
            title=title,
            category=category,
            description=description,
            price=price,
            currency=shop.terms.currency,
            quantity=quantity,
            status=_in_stock(quantity),
            created_at=shop.now,
            updated_at=shop.now,
        ),
    )
    search.index_product(shop, product)
    events.record(shop, "product.listed", to_schema(shop, product))
    return product


def to_schema(shop: Shop, product: Product) -> ProductSchema:
    """The product as the API shows it."""
    return ProductSchema.of(product, shop.terms.photos_url)


def by_id(shop: Shop, product_id: str) -> Product:
    """The product, or `Refused` with `unknown_product`."""
    product = shop.session.get(Product, product_id)
    if product is None:
        raise Refused("unknown_product", 404)
    return product


def by_code(shop: Shop, code: str) -> Product | None:
    """The product with this code, in any case and spacing; None if there is none."""
    return shop.session.scalars(select(Product).where(Product.code == codes.normalise(code))).one_or_none()


def of_artisan(shop: Shop, artisan: Artisan, limit: int = 100) -> Sequence[Product]:
    """The artisan's products that are not withdrawn, newest first."""
    return shop.session.scalars(
        select(Product)
        .where(Product.artisan_id == artisan.id, Product.status != "withdrawn")
        .order_by(Product.created_at.desc(), Product.id.desc())
        .limit(limit)
    ).all()


def newest_listed(shop: Shop, limit: int = 100) -> Sequence[Product]:
    """The newest `limit` products that can be ordered, newest first, with their photos."""
    return shop.session.scalars(
        select(Product)
        .options(selectinload(Product.photos))
        .where(Product.status == "listed")
        .order_by(Product.created_at.desc(), Product.id.desc())
        .limit(limit)
    ).all()


def set_price(shop: Shop, artisan: Artisan, code: str, price: int) -> Product:
    """Change the price to `price` minor units; existing orders keep their price."""
    product = _own_on_sale(shop, artisan, code)
    product.price = price
    return record_change(shop, product)


def set_stock(shop: Shop, artisan: Artisan, code: str, quantity: int) -> Product:
    """Set how many pieces can be ordered from now on."""
    product = _own_on_sale(shop, artisan, code)
    product.quantity = quantity
    product.status = _in_stock(quantity)
    return record_change(shop, product)


def withdraw(shop: Shop, artisan: Artisan, code: str) -> Product:
    """Take a product off sale for ever; existing orders remain."""
    product = _own_on_sale(shop, artisan, code)
    product.status = "withdrawn"
    return record_change(shop, product, "product.withdrawn")


def reserve(shop: Shop, product_id: str, quantity: int) -> Product:
    """Take `quantity` pieces out of the stock of a product.

    `Refused` with `unknown_product`, `product_withdrawn` or `not_enough_stock`. One statement checks the stock and
    lowers it, so that two buyers never get the same piece.
    """
    taken = shop.session.execute(
        update(Product)
        .where(Product.id == product_id, Product.status == "listed", Product.quantity >= quantity)
        .values(
            quantity=Product.quantity - quantity,
            status=case((Product.quantity == quantity, "sold_out"), else_=Product.status),
            updated_at=shop.now,
        )
        .returning(Product.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    product = _fresh(shop, product_id)
    if taken is None:
        raise _out_of_stock(product)
    return product


def restock(shop: Shop, product_id: str, quantity: int) -> None:
    """Put `quantity` pieces back into the stock; a product that was withdrawn stays withdrawn."""
    returned = (
        update(Product)
        .where(Product.id == product_id)
        .values(
            quantity=Product.quantity + quantity,
            status=case((Product.status == "sold_out", "listed"), else_=Product.status),
            updated_at=shop.now,
        )
        .returning(Product)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    shop.session.scalars(returned.options(lazyload("*"))).one()


def _fresh(shop: Shop, product_id: str) -> Product:
    product = shop.session.get(Product, product_id, populate_existing=True)
    if product is None:
        raise Refused("unknown_product", 404)
    return product


def _out_of_stock(product: Product) -> Refused:
    if product.status == "withdrawn":
        return Refused("product_withdrawn", code=product.code)
    return Refused("not_enough_stock", code=product.code, available=product.quantity)


def lock(shop: Shop, code: str) -> Product:
    """The product with this code, locked until the transaction ends; `Refused` with `unknown_code`."""
    product = locks.take_one(shop, Product, Product.code == codes.normalise(code))
    if product is None:
        raise Refused("unknown_code", 404, code=code)
    return product


def lock_on_sale(shop: Shop, artisan: Artisan) -> Sequence[Product]:
    """The artisan's products that are not withdrawn, newest first, locked until the transaction ends."""
    on_sale = locks.take_all(shop, Product, Product.artisan_id == artisan.id, Product.status != "withdrawn")
    return sorted(on_sale, key=lambda product: (product.created_at, product.id), reverse=True)


def _own_on_sale(shop: Shop, artisan: Artisan, code: str) -> Product:
    product = lock(shop, code)
    if product.artisan_id != artisan.id:
        raise Refused("not_your_product", 403, code=product.code)
    if product.status == "withdrawn":
        raise Refused("product_withdrawn", code=product.code)
    return product


def record_change(shop: Shop, product: Product, type: EventType = "product.updated") -> Product:
    """Set the product's `updated_at` to now, and record the event."""
    product.updated_at = shop.now
    shop.session.flush()
    events.record(shop, type, to_schema(shop, product))
    return product


def _in_stock(quantity: int) -> ProductStatus:
    return "listed" if quantity else "sold_out"

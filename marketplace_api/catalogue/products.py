"""Products and their stock."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.orm import InstrumentedAttribute, lazyload

from marketplace_api import codes, locks
from marketplace_api.catalogue import search
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.models import Artisan, Product
from marketplace_api.refused import Refused
from marketplace_api.schemas.products import Product as ProductSchema
from marketplace_api.shop import Shop, add_with_code, check_text
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

    `Refused` with `unknown_category` or `unsafe_text`, or with `not_an_artisan` if the artisan has left.
    """
    check_text(shop, title)
    check_text(shop, description)
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
            on_hand=quantity,
            reserved=0,
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
    return ProductSchema.of(product, shop.terms.photos_url, shop.terms.commission_percent)


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


def change(
    shop: Shop,
    product: Product,
    *,
    title: str | None = None,
    description: str | None = None,
    price: int | None = None,
    quantity: int | None = None,
) -> Product:
    """Change the given fields; one that is None stays. `quantity` is the pieces that can be ordered from now on.

    Orders that exist keep their price, and show the new title. `Refused` with `unsafe_text` or `product_withdrawn`.
    """
    product = _own_on_sale(shop, product.artisan, product.code)
    if title is not None:
        _set_words(shop, product, title=title)
    if description is not None:
        _set_words(shop, product, description=description)
    if price is not None:
        product.price = price
    if quantity is not None:
        _set_on_hand(product, quantity + product.reserved)
    return record_change(shop, product)


def set_price(shop: Shop, artisan: Artisan, code: str, price: int) -> Product:
    """Change the price to `price` minor units; existing orders keep their price."""
    product = _own_on_sale(shop, artisan, code)
    product.price = price
    return record_change(shop, product)


def set_stock(shop: Shop, artisan: Artisan, code: str, quantity: int, *, besides_orders: bool = False) -> Product:
    """Set how many pieces the artisan has; with `besides_orders`, the reserved ones are not counted in `quantity`."""
    product = _own_on_sale(shop, artisan, code)
    _set_on_hand(product, quantity + product.reserved if besides_orders else quantity)
    return record_change(shop, product)


def set_title(shop: Shop, artisan: Artisan, code: str, title: str) -> Product:
    """Correct the title; orders of the product show it too. `Refused` with `unsafe_text`."""
    product = _own_on_sale(shop, artisan, code)
    _set_words(shop, product, title=title)
    return record_change(shop, product)


def set_description(shop: Shop, artisan: Artisan, code: str, description: str) -> Product:
    """Replace the description. `Refused` with `unsafe_text`."""
    product = _own_on_sale(shop, artisan, code)
    _set_words(shop, product, description=description)
    return record_change(shop, product)


def _set_words(shop: Shop, product: Product, **words: str) -> None:
    for field, text in words.items():
        check_text(shop, text)
        setattr(product, field, text)
    search.index_again(shop, product)


def _set_on_hand(product: Product, on_hand: int) -> None:
    product.on_hand = on_hand
    product.status = _in_stock(product.quantity)


def withdraw(shop: Shop, artisan: Artisan, code: str) -> Product:
    """Take a product off sale for ever; existing orders remain."""
    product = _own_on_sale(shop, artisan, code)
    product.status = "withdrawn"
    return record_change(shop, product, "product.withdrawn")


def withdraw_all(shop: Shop, locked: Sequence[Product]) -> None:
    """Take these products, which the caller has locked, off sale for ever, all by one statement."""
    for product in locked:
        product.status, product.updated_at = "withdrawn", shop.now
    shop.session.flush()
    for product in locked:
        events.record(shop, "product.withdrawn", to_schema(shop, product))


def reserve(shop: Shop, product_id: str, quantity: int) -> Product:
    """Reserve `quantity` pieces of a product for an order.

    `Refused` with `unknown_product`, `product_withdrawn` or `not_enough_stock`. One statement checks the stock and
    reserves, so that two buyers never get the same piece.
    """
    reserved = Product.reserved + quantity
    is_there = Product.status == "listed", Product.on_hand >= reserved
    product = _update(shop, product_id, Product.on_hand, reserved, *is_there)
    if product is None:
        raise _out_of_stock(_fresh(shop, product_id))
    return product


def unreserve(shop: Shop, product_id: str, quantity: int) -> None:
    """Let reserved pieces be ordered again; a product that was withdrawn stays withdrawn."""
    _update(shop, product_id, Product.on_hand, Product.reserved - quantity)


def take_out(shop: Shop, product_id: str, quantity: int) -> None:
    """Take reserved pieces out of the stock: they were brought to the kiosk, or the artisan does not have them."""
    on_hand = case((Product.on_hand > quantity, Product.on_hand - quantity), else_=0)
    _update(shop, product_id, on_hand, Product.reserved - quantity)


def put_back(shop: Shop, product_id: str, quantity: int) -> None:
    """Undo `take_out`: the artisan has the pieces, and they are reserved."""
    _update(shop, product_id, Product.on_hand + quantity, Product.reserved + quantity)


def _update(
    shop: Shop,
    product_id: str,
    on_hand: ColumnElement[int] | InstrumentedAttribute[int],
    reserved: ColumnElement[int],
    *conditions: ColumnElement[bool],
) -> Product | None:
    """Set both numbers and the status that follows from them; None if a condition does not hold."""
    status = case((Product.status == "withdrawn", "withdrawn"), (on_hand > reserved, "listed"), else_="sold_out")
    changed = update(Product).where(Product.id == product_id, *conditions)
    values = {"on_hand": on_hand, "reserved": reserved, "status": status, "updated_at": shop.now}
    statement = changed.values(values).returning(Product).options(lazyload("*"))
    # so that a product that is loaded already is as it is in the database
    fresh = statement.execution_options(synchronize_session=False, populate_existing=True)
    return shop.session.scalars(fresh).one_or_none()


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

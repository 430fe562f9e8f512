"""A product as search engines and messengers read it: https://schema.org/Product in JSON-LD."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import get_currency_precision

from marketplace_api.schemas.products import Product


def of(product: Product, address: str) -> dict[str, object]:
    """The data of the product whose page has this address (an absolute URL)."""
    price = product.price
    kind = "InStock" if product.status == "listed" else "OutOfStock"
    described: dict[str, object] = {"description": product.description} if product.description else {}
    pictured: dict[str, object] = {"image": [photo.url for photo in product.photos]} if product.photos else {}
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title,
        "sku": product.code,
        "category": product.category,
        **described,
        **pictured,
        "manufacturer": {"@type": "Person", "name": product.artisan.name},
        "offers": {
            "@type": "Offer",
            "url": address,
            "price": str(Decimal(price.amount).scaleb(-get_currency_precision(price.currency))),
            "priceCurrency": price.currency,
            "availability": f"https://schema.org/{kind}",
        },
    }

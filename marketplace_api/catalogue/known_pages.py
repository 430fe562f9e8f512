"""What a sitemap names: the newest products and kiosks. All others are reached by links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace_api.models import Kiosk, Product

MOST = 5000
"""Of products, and of kiosks."""
_PRODUCTS = (
    select(Product.code, Product.updated_at)
    .where(Product.status == "listed")
    .order_by(Product.created_at.desc(), Product.id.desc())
    .limit(MOST)
)
_KIOSKS = select(Kiosk.id).order_by(Kiosk.created_at.desc(), Kiosk.id.desc()).limit(MOST)


@dataclass(frozen=True, slots=True)
class KnownPages:
    """Codes of products with the time of their last change, and ids of kiosks, newest first."""

    products: Sequence[tuple[str, datetime]]
    kiosks: Sequence[str]


def read(session: Session) -> KnownPages:
    """Two statements, each of at most `MOST` rows."""
    products = [(code, changed) for code, changed in session.execute(_PRODUCTS)]
    return KnownPages(products, session.scalars(_KIOSKS).all())

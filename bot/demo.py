"""A shop worth looking at, for development: kiosks in real towns, artisans, and what they make."""

from __future__ import annotations

from bot.house import build
from bot.settings import Settings
from marketplace_api import artisans, kiosks, products
from marketplace_api.models import Kiosk
from marketplace_api.shop import Shop

KIOSKS = (
    ("Lakeside Kiosk", "Kisumu", "Otieno", "+254722000222"),
    ("Mama Njeri Kiosk", "Nairobi", "Njeri", "+254722000223"),
    ("Old Town Kiosk", "Mombasa", "Fatuma", "+254722000224"),
)
ARTISANS = (
    ("Amina Yusuf", "+254711000101", "sw", "baskets", 2),
    ("Wanjiku Kamau", "+254711000102", "en", "beadwork", 1),
    ("Akinyi Ouma", "+254711000103", "en", "pottery", 0),
)
PRODUCTS = (
    ("+254711000101", "Kiondo basket", "baskets", 1500_00, 6, "Sisal and leather, woven by hand."),
    ("+254711000101", "Market basket, large", "baskets", 2200_00, 3, "Holds a week's shopping."),
    ("+254711000102", "Maasai bead necklace", "beadwork", 850_00, 12, "Glass beads on wire."),
    ("+254711000102", "Beaded bracelet", "beadwork", 300_00, 40, "Any size; tell us your colours."),
    ("+254711000103", "Clay water pot", "pottery", 1800_00, 4, "Keeps water cool without a fridge."),
)


def seed(settings: Settings) -> None:
    """Fills an empty shop; leaves one that has a kiosk alone."""
    house = build(settings)
    try:
        with house.database.writing.begin() as session:
            shop = house.shop(session)
            if not kiosks.listing(shop):
                _fill(shop)
    finally:
        house.close()


def _fill(shop: Shop) -> None:
    opened = [
        kiosks.create(shop, name=name, town=town, agent_name=agent, agent_msisdn=msisdn)
        for name, town, agent, msisdn in KIOSKS
    ]
    for name, msisdn, language, craft, kiosk in ARTISANS:
        _welcome(shop, name, msisdn, language, craft, opened[kiosk])
    for msisdn, title, category, price, quantity, description in PRODUCTS:
        maker = artisans.by_msisdn(shop, msisdn)
        assert maker is not None
        products.list_product(
            shop,
            maker,
            title=title,
            category=category,
            price=price,
            quantity=quantity,
            description=description,
        )


def _welcome(shop: Shop, name: str, msisdn: str, language: str, craft: str, kiosk: Kiosk) -> None:
    artisans.register(
        shop,
        name=name,
        msisdn=msisdn,
        language=language,
        craft=craft,
        kiosk_id=kiosk.id,
        payout_method="mobile_money",
        payout_msisdn=None,
    )

"""The demo data for development: kiosks, artisans, and their products with drawn pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from sqlalchemy.orm import Session

from bot.demo.art import pictures
from bot.runtime.settings import Settings
from bot.services import Services, build
from marketplace_api.accounts import artisans
from marketplace_api.actors import Actor
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Kiosk, Product
from marketplace_api.shop import Ids, Shop

KIOSKS = (
    ("Lakeside Kiosk", "Kisumu", "Otieno", "+254722000222"),
    ("Mama Njeri Kiosk", "Nairobi", "Njeri", "+254722000223"),
    ("Old Town Kiosk", "Mombasa", "Fatuma", "+254722000224"),
    ("Wamunyu Junction Kiosk", "Machakos", "Mutua", "+254722000225"),
    ("Hilltop Kiosk", "Maralal", "Lekishon", "+254722000226"),
    ("Seafront Kiosk", "Lamu", "Swaleh", "+254722000227"),
)
SEED = "demo"
"""Of the ids and codes of the demo data."""


class DemoProduct(NamedTuple):
    """A product of the demo; `price` is in minor units, and the category is its artisan's craft."""

    title: str
    price: int
    quantity: int
    description: str


class DemoArtisan(NamedTuple):
    """An artisan of the demo; `kiosk` is an index of `KIOSKS`."""

    name: str
    msisdn: str
    language: str
    craft: str
    kiosk: int
    products: Sequence[DemoProduct]


ARTISANS = (
    DemoArtisan(
        *("Amina Yusuf", "+254711000101", "sw", "baskets", 2),
        (
            DemoProduct("Kiondo basket", 1500_00, 6, "Sisal and leather, woven by hand."),
            DemoProduct("Market basket, large", 2200_00, 3, "Holds a week's shopping."),
        ),
    ),
    DemoArtisan(
        *("Wanjiku Kamau", "+254711000102", "en", "beadwork", 1),
        (
            DemoProduct("Maasai bead necklace", 850_00, 12, "Glass beads on wire."),
            DemoProduct("Beaded bracelet", 300_00, 40, "Any size; tell us your colours."),
        ),
    ),
    DemoArtisan(
        *("Akinyi Ouma", "+254711000103", "en", "pottery", 0),
        (
            DemoProduct("Clay water pot", 1800_00, 4, "Keeps water cool without a fridge."),
            DemoProduct("Cooking pot with lid", 1400_00, 7, "Burnished red clay, for charcoal and gas."),
        ),
    ),
    DemoArtisan(
        *("Mwende Kioko", "+254711000201", "sw", "baskets", 3),
        (
            DemoProduct("Laundry basket with lid", 3800_00, 2, "Doum palm on a frame of willow, 60 cm high."),
            DemoProduct(
                "Coiled fruit tray", 1100_00, 9, "Sisal, coiled and stitched; 35 cm across. Hangs on a wall too."
            ),
        ),
    ),
    DemoArtisan(
        *("Nasieku Lolosoli", "+254711000202", "sw", "beadwork", 4),
        (
            DemoProduct("Samburu wedding collar", 2600_00, 3, "Eleven rows of glass beads, as brides wear it."),
            DemoProduct("Beaded belt", 1700_00, 8, "Cow leather, sewn with beads; up to 110 cm."),
        ),
    ),
    DemoArtisan(
        *("Tigist Alemu", "+254711000203", "am", "jewellery", 1),
        (
            DemoProduct("Brass drop earrings", 650_00, 15, "Cast from old taps, polished; light to wear."),
            DemoProduct("Copper bangles, set of three", 900_00, 10, "Hammered by hand, opens to fit."),
            DemoProduct("Cow horn pendant", 500_00, 18, "Horn with a bead of brass, on a waxed cord."),
        ),
    ),
    DemoArtisan(
        *("Zuhura Bakari", "+254711000204", "sw", "textiles", 5),
        (
            DemoProduct("Kikoi, striped cotton", 1200_00, 20, "Woven in Lamu, 100 x 160 cm, with a knotted fringe."),
            DemoProduct("Kanga, a pair", 950_00, 25, "Two cotton wraps with a border and a proverb."),
        ),
    ),
    DemoArtisan(
        *("Espérance Mukamana", "+254711000205", "fr", "textiles", 1),
        (
            DemoProduct("Wool rug, 90 x 150 cm", 7800_00, 2, "Spun, dyed with plants and knotted by four women."),
            DemoProduct("Printed cushion cover", 800_00, 14, "Block print on heavy cotton, 45 x 45 cm, with a zip."),
        ),
    ),
    DemoArtisan(
        *("Musyoka Nzioka", "+254711000206", "sw", "woodcarving", 3),
        (
            DemoProduct("Olive wood salad bowl", 3200_00, 4, "One piece of wild olive, 30 cm across, oiled."),
            DemoProduct("Carved giraffe, 40 cm", 1600_00, 6, "Jacaranda, burnt and waxed."),
            DemoProduct("Carved wall mask", 2100_00, 3, "After the old dancers' masks; 45 cm high."),
            DemoProduct("Salad spoons, a pair", 700_00, 16, "Olive wood with handles of dyed bone."),
        ),
    ),
    DemoArtisan(
        *("Atieno Odhiambo", "+254711000207", "en", "pottery", 0),
        (
            DemoProduct("Glazed mug", 450_00, 24, "Stoneware; holds 300 ml and bears the dishwasher."),
            DemoProduct("Terracotta planter", 1250_00, 5, "With a hole and a saucer; 25 cm across."),
        ),
    ),
    DemoArtisan(
        *("Lekuton Lesorogol", "+254711000208", "en", "leather", 4),
        (
            DemoProduct("Leather satchel", 5400_00, 3, "Vegetable tanned, sewn by hand; takes a laptop of 13 inches."),
            DemoProduct("Maasai sandals", 1350_00, 11, "Leather and beads on a sole of old tyres. Tell us your size."),
            DemoProduct("Coin purse", 600_00, 20, "Goat leather with a brass stud."),
            DemoProduct("Goat leather bag", 3900_00, 4, "Two straps and a pocket inside."),
        ),
    ),
    DemoArtisan(
        *("Jean-Bosco Habimana", "+254711000209", "fr", "metalwork", 1),
        (
            DemoProduct("Tin lantern", 1150_00, 9, "Pierced oil tins; for a candle or a bulb."),
            DemoProduct("Iron candle holder", 2400_00, 3, "Three arms, forged in Gikomba."),
            DemoProduct("Guinea fowl of scrap metal", 1900_00, 5, "Stands in a garden in any weather."),
        ),
    ),
)


def seed(settings: Settings) -> None:
    """Add the demo data to a shop without kiosks; does nothing if it has one."""
    services = build(settings)
    try:
        with services.database.writing.begin() as session:
            listed = add(services, session)
        draw(services, listed)
    finally:
        services.close()


def add(services: Services, session: Session) -> list[Product]:
    """Add the demo data in the transaction of a session, to a shop without kiosks; returns the new products.

    Their ids and codes are the same in every shop, so that what was played in one can be played in another.
    """
    shop = replace(services.shop(session, Actor("job", "demo")), ids=Ids(Random(SEED)))  # noqa: S311
    return [] if kiosks.list_all(shop) else list(_add_all(shop))


def draw(services: Services, products: Iterable[Product]) -> None:
    """Draw a picture of each product, and add it."""
    for product in products:
        services.photo_store.add(product.code, pictures.draw(product.title, product.category))


def _add_all(shop: Shop) -> Iterator[Product]:
    """Add kiosks, artisans and products; yields each product after it is listed."""
    opened = [
        kiosks.create(shop, name=name, town=town, agent_name=agent, agent_msisdn=msisdn)
        for name, town, agent, msisdn in KIOSKS
    ]
    for demo_artisan in ARTISANS:
        artisan = _register(shop, demo_artisan, opened[demo_artisan.kiosk])
        for product in demo_artisan.products:
            yield products.list_product(shop, artisan, category=demo_artisan.craft, **product._asdict())


def _register(shop: Shop, demo_artisan: DemoArtisan, kiosk: Kiosk) -> Artisan:
    return artisans.register(
        shop,
        name=demo_artisan.name,
        msisdn=demo_artisan.msisdn,
        language=demo_artisan.language,
        craft=demo_artisan.craft,
        kiosk_id=kiosk.id,
        payout_method="mobile_money",
        payout_msisdn=None,
    )

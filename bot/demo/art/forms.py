"""Which function draws a product, by a word of its title or by its category.

Each function draws one product on a sheet; the sheet's random source chooses the colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.demo.art import fibre, jewellery, leather_and_metal, wood_and_clay
from bot.demo.art.sheet import Sheet

FORMS: Mapping[str, Callable[[Sheet], None]] = {
    "baskets": fibre.basket,
    "laundry": fibre.laundry,
    "tray": fibre.tray,
    "beadwork": jewellery.collar,
    "necklace": jewellery.necklace,
    "bracelet": jewellery.bracelet,
    "belt": jewellery.belt,
    "jewellery": jewellery.pendant,
    "earrings": jewellery.earrings,
    "bangles": jewellery.bangles,
    "textiles": fibre.kikoi,
    "kanga": fibre.kanga,
    "rug": fibre.rug,
    "cushion": fibre.cushion,
    "woodcarving": wood_and_clay.bowl,
    "giraffe": wood_and_clay.giraffe,
    "mask": wood_and_clay.mask,
    "spoons": wood_and_clay.spoons,
    "pottery": wood_and_clay.pot,
    "cooking": wood_and_clay.cooking,
    "mug": wood_and_clay.mug,
    "planter": wood_and_clay.planter,
    "leather": leather_and_metal.satchel,
    "purse": leather_and_metal.purse,
    "sandals": leather_and_metal.sandals,
    "metalwork": leather_and_metal.lantern,
    "candle": leather_and_metal.candle,
    "fowl": leather_and_metal.fowl,
}

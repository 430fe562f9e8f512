"""`PATCH /artisans/<id>`, for operators.

    PATCH /artisans/art_4k2… {"name": "Akinyi Ouma", "language": "sw"}

The marketplace API serves it. It is here because the bot keeps the language that a person has chosen.
"""

from __future__ import annotations

from apiflask import APIBlueprint

from marketplace_api.accounts import artisans
from marketplace_api.catalogue.categories import Category
from marketplace_api.fields import Body, Line, Locale, Name
from marketplace_api.refused import Refused
from marketplace_api.rest.access import requires, shop
from marketplace_api.schemas.artisans import Artisan
from state import people

blueprint = APIBlueprint("artisans", __name__, tag="Catalogue")


class ArtisanPatch(Body):
    """The changes of an artisan; fields that are left out stay.

    `town` is the town of a kiosk: the artisan brings the goods there from now on. `craft` is a category, `language` a
    language in which people are written to.
    """

    name: Name | None = None
    town: Line | None = None
    craft: Category | None = None
    language: Locale | None = None


@blueprint.patch("/artisans/<id:artisan_id>")
@requires("kiosks", refusals=(409,))
@blueprint.input(ArtisanPatch)
@blueprint.output(Artisan)
def change_artisan(artisan_id: str, json_data: ArtisanPatch) -> Artisan:
    """Correct an artisan's name, town, craft or language."""
    artisan = artisans.by_id(shop(), artisan_id)
    if json_data.name is not None:
        artisans.rename(shop(), artisan, json_data.name)
    if json_data.town is not None:
        artisans.set_town(shop(), artisan, json_data.town)
    if json_data.craft is not None:
        artisans.set_craft(shop(), artisan, json_data.craft)
    if json_data.language is not None:
        _set_language(artisan_id, json_data.language)
    return Artisan.of(artisan)


def _set_language(artisan_id: str, language: str) -> None:
    """Change it as if the artisan had: it stays until another is chosen."""
    if language not in shop().terms.languages:
        raise Refused("unknown_language", languages=", ".join(shop().terms.languages))
    artisan = artisans.by_id(shop(), artisan_id)
    artisans.set_language(shop(), artisan, language)
    people.set_language(shop().session.connection(), artisan.msisdn, language, shop().now)

"""The kinds of ware sold here; an artisan's craft is one of them too."""

from __future__ import annotations


def N_(message: str) -> str:
    """Mark `message` for translation; it is translated where it is read."""
    return message


CATEGORIES = {
    "baskets": N_("Baskets"),
    "beadwork": N_("Beadwork"),
    "jewellery": N_("Jewellery"),
    "textiles": N_("Textiles"),
    "woodcarving": N_("Wood carving"),
    "pottery": N_("Pottery"),
    "leather": N_("Leather"),
    "metalwork": N_("Metalwork"),
}

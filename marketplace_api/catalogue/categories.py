"""The categories of products; an artisan's craft is one of them too."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def N_(message: str) -> str:
    """Mark `message` for translation; it is translated where it is shown."""
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


def _known(value: str) -> str:
    if value not in CATEGORIES:
        raise ValueError(f"must be one of {', '.join(CATEGORIES)}")
    return value


Category = Annotated[str, Field(json_schema_extra={"enum": list(CATEGORIES)}), AfterValidator(_known)]
"""A category in a request."""

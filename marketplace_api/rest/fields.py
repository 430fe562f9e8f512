"""The kinds of value that requests are made of, each with its bounds.

What the OpenAPI document says and what is accepted are the same, to the letter.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from marketplace_api import msisdn
from marketplace_api.rest.access import shop

# no control characters, and at least one that can be seen
_PRINTABLE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"


def _whole(value: object) -> object:
    """JSON has one kind of number, so 5.0 is whole; `true` and `"5"` are no numbers."""
    if isinstance(value, bool | str):
        raise ValueError("must be a whole number")
    return value


def _digits(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


def _msisdn(value: str) -> str:
    return msisdn.parse(value, shop().terms.country)


Line = Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE), AfterValidator(str.strip)]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Id = Annotated[str, StringConstraints(max_length=44, pattern=r"^[a-z]{3}_[0-9a-z]+$")]
# the bounds stand first: behind a validator they would be kept, but not documented
Quantity = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_whole)]
Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_digits)]
Msisdn = Annotated[
    str,
    Field(max_length=30, json_schema_extra={"format": "phone", "examples": ["+254712345678"]}),
    AfterValidator(_msisdn),
]

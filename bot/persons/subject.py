"""The person whose data are exported or erased: everything by which the tables know this person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace_api.models import Artisan, Kiosk, Order, Photo, Product

ADDRESS_LINES = ("name", "line1", "line2", "postal_code")
"""The parts of an address that can identify a person; town, region and country cannot."""
SHORTEST_LINE = 4
"""Shorter address lines, such as `12`, occur in texts by chance."""


@dataclass(frozen=True, slots=True)
class DataSubject:
    """A person, known by phone number; as the tables name this person before erasure."""

    msisdn: str
    artisan_id: str | None
    product_ids: frozenset[str]
    photo_ids: frozenset[str]
    photo_digests: frozenset[str]
    order_ids: frozenset[str]
    """The orders that this person has placed as a buyer."""
    names: frozenset[str]
    own_names: frozenset[str]
    """Those of `names` that no other person has."""
    addresses: frozenset[str]
    """Lines of addresses that are long enough to be looked for in texts."""

    @property
    def own_words(self) -> frozenset[str]:
        """What in the texts of others can only mean this person."""
        return self.own_names | self.addresses

    @property
    def ids(self) -> frozenset[str]:
        """The ids by which documents refer to this person."""
        return self.order_ids | ({self.artisan_id} if self.artisan_id else frozenset())


def find(session: Session, msisdn: str) -> DataSubject:
    """What is known of this phone; also for one that is not registered."""
    artisan = session.scalars(select(Artisan).where(Artisan.msisdn == msisdn)).one_or_none()
    own_products = select(Product.id).where(Product.artisan_id == (artisan.id if artisan else None))
    product_ids = frozenset(session.scalars(own_products))
    photos = session.execute(select(Photo.id, Photo.digest).where(Photo.product_id.in_(product_ids))).all()
    bought = session.execute(
        select(Order.id, Order.buyer_name, Order.ship_to).where(Order.buyer_msisdn == msisdn)
    ).all()
    lines = list(_lines(ship_to for _, _, ship_to in bought))
    names = {artisan.name} if artisan else set()
    names |= {name for _, name, _ in bought} | {line for part, line in lines if part == "name"}
    return DataSubject(
        msisdn=msisdn,
        artisan_id=artisan.id if artisan else None,
        product_ids=product_ids,
        photo_ids=frozenset(photo.id for photo in photos),
        photo_digests=frozenset(photo.digest for photo in photos),
        order_ids=frozenset(id for id, _, _ in bought),
        names=frozenset(names),
        own_names=frozenset(names - set(_names_of_others(session, msisdn, names))),
        addresses=frozenset(line for part, line in lines if part != "name" and len(line) >= SHORTEST_LINE),
    )


def _lines(addresses: Iterable[dict[str, object]]) -> Iterator[tuple[str, str]]:
    """The lines of addresses that are not empty, each with the part of the address that it is."""
    for address in addresses:
        for part in ADDRESS_LINES:
            if line := address.get(part):
                yield part, str(line)


def _names_of_others(session: Session, msisdn: str, names: set[str]) -> Iterator[str]:
    yield from session.scalars(select(Artisan.name).where(Artisan.name.in_(names), Artisan.msisdn != msisdn))
    yield from session.scalars(
        select(Order.buyer_name).where(Order.buyer_name.in_(names), Order.buyer_msisdn != msisdn)
    )
    yield from session.scalars(select(Kiosk.agent_name).where(Kiosk.agent_name.in_(names)))

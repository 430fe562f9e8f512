"""People, for those who help them: found by the id of what is theirs, so that no address of a page has a number.

A person is named by the id of a help request, an artisan, an order (its buyer) or a kiosk (its agent).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from marketplace_api.accounts import artisans, roles
from marketplace_api.kiosks import kiosks
from marketplace_api.models import HelpRequest, Order
from marketplace_api.orders import lists, orders
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from state import people

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class HelpedPerson:
    """Somebody with a phone. `id` names the person in addresses; `roles` says in words who it is.

    `artisan_id` and `kiosk_id` are those of the person, if there are any.
    """

    id: str
    msisdn: str
    roles: Sequence[str]
    language: str
    has_opted_out: bool
    waiting: HelpRequest | None
    orders: Sequence[Order]
    artisan_id: str | None
    kiosk_id: str | None


def of_id(shop: Shop, id: str) -> HelpedPerson:
    """The person; `Refused` if there is nothing with this id."""
    owner = _OWNERS.get(id.partition("_")[0])
    if owner is None:
        raise Refused("unknown_help_request", 404)
    msisdn = owner(shop, id)
    record = people.find(shop.session.connection(), msisdn)
    bought, found = lists.of_buyer(shop, msisdn), roles.of_phone(shop, msisdn)
    chosen, keyword = (record.language, record.keyword_language) if record else (None, None)
    own = found.artisan.language if found.artisan else None
    language = chosen or own or keyword or found.locale
    is_open = HelpRequest.msisdn == msisdn, HelpRequest.closed_at.is_(None)
    return HelpedPerson(
        id,
        msisdn,
        list(words_for(shop, msisdn)),
        language or DEFAULT_LANGUAGE,
        record is not None and record.opted_out_at is not None,
        shop.session.scalars(select(HelpRequest).where(*is_open)).one_or_none(),
        bought[:5],
        found.artisan.id if found.artisan else None,
        found.kiosk.id if found.kiosk else None,
    )


def words_for(shop: Shop, msisdn: str) -> Iterator[str]:
    """Who it is: `artisan Akinyi Ouma`, `agent of Lakeside Otieno`, `buyer Joy`."""
    found = roles.of_phone(shop, msisdn)
    if found.artisan:
        yield f"artisan {found.artisan.name}"
    if found.kiosk:
        yield f"agent of {found.kiosk.name} {found.kiosk.agent_name}"
    bought = lists.of_buyer(shop, msisdn)
    if bought:
        yield f"buyer {bought[0].buyer_name}"


def id_of(shop: Shop, msisdn: str) -> str | None:
    """An id that names the person with this phone; None if nothing here is theirs."""
    found = roles.of_phone(shop, msisdn)
    if found.artisan:
        return found.artisan.id
    if bought := lists.of_buyer(shop, msisdn):
        return bought[0].id
    if found.kiosk:
        return found.kiosk.id
    asked = select(HelpRequest.id).where(HelpRequest.msisdn == msisdn).order_by(HelpRequest.created_at.desc())
    return shop.session.scalars(asked.limit(1)).first()


def _of_request(shop: Shop, id: str) -> str:
    request = shop.session.get(HelpRequest, id)
    if request is None:
        raise Refused("unknown_help_request", 404)
    return request.msisdn


_OWNERS: Mapping[str, Callable[[Shop, str], str]] = {
    "hlp": _of_request,
    "art": lambda shop, id: artisans.by_id(shop, id).msisdn,
    "ord": lambda shop, id: orders.by_id(shop, id).buyer_msisdn,
    "ksk": lambda shop, id: kiosks.by_id(shop, id).agent_msisdn,
}

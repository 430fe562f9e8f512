"""Our requests to a marketplace elsewhere (`MARKETPLACE_URL`), in the wire log.

GET https://shop.example/api/v1/phones/%2B254711000111 -> HTTP 200
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import unquote, urlsplit

from bot.services import Services
from bot.simulator import wire
from bot.simulator.wire import API_CALL, Wire
from flows.msisdn import is_e164

NEWS = "/phones/news"
"""Asked several times in a second, so it is left out when there is none."""
_NO_NEWS = b'{"data":[]}'


def watch(services: Services, log: Wire) -> None:
    """Log the requests of these services from now on, unless the marketplace is their own."""
    if services.marketplace.is_local:
        return
    from bot.marketplace.remote import RemoteMarketplace  # imported here: it needs `requests`

    assert isinstance(services.marketplace, RemoteMarketplace)
    services.marketplace.client.observe = partial(_record, log)


def _record(log: Wire, method: str, url: str, body: bytes, status: int, answer: bytes) -> None:
    path = urlsplit(url).path
    if path.endswith(NEWS) and answer == _NO_NEWS:
        return
    said = answer.decode(errors="replace")
    asked = wire.exchange("out", API_CALL, method, url, body.decode(), status=status, answer=said, headers={})
    log.record(replace(asked, phone=_phone(path) or asked.phone))


def _phone(path: str) -> str:
    """The phone in `…/phones/%2B254711000111/orders`; empty if there is none."""
    _, _, rest = path.partition("/phones/")
    number = unquote(rest.partition("/")[0])
    return number if is_e164(number) else ""

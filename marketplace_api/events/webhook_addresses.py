"""Where webhooks may go: by https to public addresses, or whoever makes an endpoint reaches into our own network.

A URL is read when an endpoint is made. Where its name leads may change, so every attempt looks at the address again.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

# visible ASCII without a quote or a backslash, which readers of URLs take differently
_WRITTEN = re.compile(r"https?://[!#-\[\]-~]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL = frozenset({"localhost", "local", "localdomain", "internal", "lan", "home", "arpa"})

_GLOBAL_UNICAST = ip_network("2000::/3")
# is_global of the standard library counts these as global, at least in some of its versions
_CLOSED = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # a cloud's services for its own machines
        "192.0.0.0/24",  # protocol assignments, among them another cloud's metadata
        "192.88.99.0/24",  # relays into 6to4
        "224.0.0.0/4",  # multicast
        "2002::/16",  # 6to4: any IPv4 address, wrapped
        "3fff::/20",  # documentation
    )
)


def check_url(url: str, *, anywhere: bool) -> str:
    """The URL of a webhook endpoint; with `anywhere` it may be plain http and lead into a private network.

    Raises ValueError, worded for whoever wrote it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not _WRITTEN.fullmatch(url) or "@" in parts.netloc or parts.fragment:
        raise ValueError("is not the address of an endpoint; write it like https://shop.example/soko")
    if anywhere:
        return url
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if not _may_be_public(host):
        raise ValueError("must lead to a public address")
    return url


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could be reached there; IPv4 in the clothes of IPv6 could be anybody."""
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in _CLOSED)


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host))
    except ValueError:
        rest, _, last = host.lower().removesuffix(".").rpartition(".")
        # a number at the end makes the whole an IPv4 address in one of its odd spellings: 127.1, 0x7f000001
        return bool(rest) and last not in _LOCAL and not _NUMBER.fullmatch(last)

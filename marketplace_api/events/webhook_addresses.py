"""The URLs to which webhooks may be posted: https and public addresses, so that no request enters our own network.

`check_url` checks a URL when an endpoint is created. Its host name may resolve to another address later, so every
attempt checks the address again with `is_public`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

# visible ASCII without quotes and backslashes, which URL parsers read differently
_WRITTEN = re.compile(r"https?://[!#-\[\]-~]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL = frozenset({"localhost", "local", "localdomain", "internal", "lan", "home", "arpa"})

_GLOBAL_UNICAST = ip_network("2000::/3")
# networks that `is_global` of the standard library counts as global, at least in some versions
_CLOSED = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # a cloud provider's services for its own machines
        "192.0.0.0/24",  # protocol assignments, among them a cloud provider's metadata service
        "192.88.99.0/24",  # relays to 6to4
        "224.0.0.0/4",  # multicast
        "2002::/16",  # 6to4: any IPv4 address, wrapped
        "3fff::/20",  # documentation
    )
)


def check_url(url: str, *, anywhere: bool) -> str:
    """The URL of a webhook endpoint; with `anywhere` it may be plain http and in a private network.

    Raises ValueError; its message is for the person who wrote the URL.
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
    """True for an address on the public internet. IPv6 addresses that contain an IPv4 address are not public here."""
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in _CLOSED)


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host))
    except ValueError:
        parent, _, last = host.lower().removesuffix(".").rpartition(".")
        # a number at the end makes the host an IPv4 address in an unusual form: 127.1, 0x7f000001
        return bool(parent) and last not in _LOCAL and not _NUMBER.fullmatch(last)

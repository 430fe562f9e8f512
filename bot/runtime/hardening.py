"""What secrets, addresses and the process itself must be where strangers can reach the service."""

from __future__ import annotations

import logging
import os
from collections import Counter
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

SHORTEST_SECRET = 32
FEWEST_CHARACTERS = 8
"""Different ones. 32 random hexadecimal digits have fewer in one of millions of secrets."""
HOW_TO_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def is_guessable(secret: str) -> bool:
    """True for a secret that is too short, or that repeats a pattern: `aaaa…`, `abcabc…`, `12345678…`."""
    steps = Counter(ord(later) - ord(one) for one, later in pairwise(secret))
    return (
        len(secret) < SHORTEST_SECRET
        or len(set(secret)) < FEWEST_CHARACTERS
        or any(secret[period:] == secret[:-period] for period in range(1, len(secret) // 2 + 1))
        or max(steps.values()) > len(secret) // 2
    )


def is_loopback(host: str) -> bool:
    """True for `localhost` and the addresses of this machine to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_exposed(url: str) -> bool:
    """True for an http address that is not this machine's own: what is sent there can be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def protect_files() -> None:
    """Let only this user read the files that this process and its children create."""
    os.umask(0o077)


def protect_process() -> None:
    """Protect files, and warn if this user is root."""
    protect_files()
    if os.geteuid() == 0:
        log.warning("Soko runs as root: a fault in it has all rights on this machine. Start it as a user of its own.")

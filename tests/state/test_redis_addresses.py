"""The addresses of several Redis servers, and the addresses of single servers that they lead to."""

from __future__ import annotations

import pytest

from state.redis_addresses import group_of, passwords

ONE = ("one", 7000)
WITH_CA = "?ssl_ca_certs=%2Fca.pem"


@pytest.mark.parametrize("url", ["redis://one:6379/0", "rediss://:word@one", "unix:///run/redis.sock"])
def test_one_server_is_no_group(url: str) -> None:
    assert group_of(url) is None


@pytest.mark.parametrize(
    ("url", "seeds"),
    [
        ("redis+cluster://one:7000,two:7001", (ONE, ("two", 7001))),
        ("redis+cluster://soko:word@one,[2001:db8::1]:7001/0", (("one", 6379), ("2001:db8::1", 7001))),
        ("redis+sentinel://one:7000,two/soko", (ONE, ("two", 26379))),
    ],
)
def test_the_servers_that_are_asked_first(url: str, seeds: tuple[tuple[str, int], ...]) -> None:
    group = group_of(url)
    assert group
    assert group.seeds == seeds


@pytest.mark.parametrize(
    ("url", "server", "sentinel"),
    [
        ("redis+cluster://soko:w%40rd@two", "redis://soko:w%40rd@one:7000/0", "redis://one:7000/"),
        (f"rediss+cluster://:word@two{WITH_CA}", f"rediss://:word@one:7000/0{WITH_CA}", f"rediss://one:7000/{WITH_CA}"),
        (
            "redis+sentinel://:word@two/soko/3?sentinel_password=other",
            "redis://:word@one:7000/3",
            "redis://one:7000/?password=other",
        ),
        ("rediss+sentinel://two/soko", "rediss://one:7000/0", "rediss://one:7000/"),
    ],
)
def test_the_addresses_of_single_servers(url: str, server: str, sentinel: str) -> None:
    group = group_of(url)
    assert group
    assert (group.url(ONE), group.sentinel_url(ONE)) == (server, sentinel)


def test_an_address_of_ipv6_has_brackets() -> None:
    group = group_of("redis+cluster://one")
    assert group
    assert group.url(("2001:db8::1", 7000)) == "redis://[2001:db8::1]:7000/0"


def test_the_passwords_of_an_address() -> None:
    assert passwords("redis+sentinel://soko:one@host/soko?sentinel_password=two") == ["one", "two"]
    assert passwords("redis://host") == []

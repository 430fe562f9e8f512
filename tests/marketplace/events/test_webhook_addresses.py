"""Webhooks go to public addresses only, in whatever form a private one is written."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from marketplace_api.events.webhook_addresses import check_url, is_public

PRIVATE = [
    *("0.0.0.0", "10.0.0.1", "127.0.0.1", "127.255.255.254", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "100.100.100.200", "169.254.169.254", "168.63.129.16", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fec0::1", "ff02::1", "5f00::1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "102.133.1.1", "196.201.214.200", "2606:4700:4700::1111", "2a00:1450:4001::200e"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/soko",
        "https://shop.example",
        "https://shop.example:8443/a?b=c",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://10.example.com/",
    ],
)
def test_a_public_url_is_accepted_unchanged(url: str) -> None:
    assert check_url(url, anywhere=False) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/soko", "https"),
        *(
            (f"https://{host}/", "public")
            for host in ("localhost", "LOCALHOST", "localhost.", "a.localhost", "intranet")
        ),
        *(
            (f"https://{host}/", "public")
            for host in ("redis.local", "metadata.google.internal", "1.0.0.127.in-addr.arpa")
        ),
        *(
            (f"https://{host}/", "public")
            for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001")
        ),
        *(
            (f"https://{host}/", "public")
            for host in ("10.0.0.1.", "a.b.10", "[::1]", "[::ffff:10.0.0.1]", "[fe80::1%25eth0]")
        ),
    ],
)
def test_a_private_url_is_refused_outside_development_only(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_url(url, anywhere=False)
    assert check_url(url, anywhere=True) == url


@pytest.mark.parametrize("anywhere", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        *("", "soko", "ftp://shop.example/", "file:///etc/passwd", "//shop.example/", "https:shop.example", "https://"),
        *("https:///soko", "https://user@shop.example/", "https://user:pw@shop.example/", "https://@shop.example/"),
        *("https://shop.example:port/", "https://shop.example:99999/", "https://[::1/", "https://shop.example/#top"),
        *("https://shop.example/a b", "https://shop.example/\r\nHost: x", "https://shop.example\\@10.0.0.1/"),
        *("https://ሱቅ.example/", "https://shop.example/\x00", " https://shop.example/", 'https://shop.example/"'),
    ],
)
def test_a_malformed_url_is_always_refused(url: str, anywhere: bool) -> None:
    with pytest.raises(ValueError, match=r"https://shop\.example/soko"):
        check_url(url, anywhere=anywhere)

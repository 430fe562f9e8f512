"""Our requests to a marketplace elsewhere in the wire log."""

from __future__ import annotations

from pathlib import Path

from tests.bot.fixtures import AKINYI
from tests.remote_marketplace import remote_setup


def test_requests_to_a_marketplace_elsewhere_are_in_the_log(tmp_path: Path) -> None:
    with remote_setup(tmp_path) as remote:
        remote.bot.gateway.text(AKINYI, "PRODUCTS")
        for _ in range(3):
            remote.bot.work()
        remote.proxy.fail("server_error")
        remote.bot.gateway.text(AKINYI, "PRODUCTS")
        logged = remote.bot.http.get("/simulator/wire?kind=api").get_json()["data"]

    profiles = [each for each in logged if each["phone"] == AKINYI]
    answered, failed = profiles[0], profiles[-1]
    path = answered["request"]["path"]
    assert path.startswith("http://127.0.0.1:")
    assert path.endswith("/api/v1/phones/%2B254711000103")
    assert (answered["direction"], answered["summary"]) == ("out", f"GET {path} -> HTTP 200")
    assert '"name":"Akinyi' in answered["response"]["body"]
    assert failed["response"] == {"status": 500, "body": "Oh"}
    assert not [each for each in logged if "/phones/news" in each["request"]["path"]]

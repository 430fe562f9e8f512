"""`flask apikey`: keys are made, listed without their secret, and revoked."""

from __future__ import annotations

from click.testing import Result

from tests.command_line import run_command
from tests.service import Service


def run(service: Service, *arguments: str) -> Result:
    return run_command(service.app, "apikey", *arguments)


def make(service: Service, name: str) -> str:
    return run(service, "create", name, "--scope", "storefront").output.strip()


def status(service: Service, key: str) -> int:
    with service.http.get("/api/v1/orders", headers={"Authorization": f"Bearer {key}"}) as answer:
        return answer.status_code


def test_keys_are_listed_with_their_use_but_without_their_secret(embedded: Service) -> None:
    key = make(embedded, "bead shop")
    embedded.clock.advance(60)
    unused = make(embedded, "pot shop")
    assert status(embedded, key) == 200
    beads, pots = run(embedded, "list").output.splitlines()
    assert key[:-34] in beads
    assert "bead shop: made 2026-11-23, used 2026-11-23 08:01" in beads
    assert pots.endswith("pot shop: made 2026-11-23, never used")
    assert not [secret for secret in (key, unused) if secret in beads + pots]


def test_a_key_is_revoked_by_name(embedded: Service) -> None:
    key, other = make(embedded, "bead shop"), make(embedded, "pot shop")
    revoked = run(embedded, "revoke", "bead shop")
    assert (revoked.exit_code, "revoked 2026-11-23" in revoked.output) == (0, True)
    assert (status(embedded, key), status(embedded, other)) == (401, 200)


def test_revoking_an_unknown_or_ambiguous_name_is_explained(embedded: Service) -> None:
    make(embedded, "shop"), make(embedded, "shop")
    none, several = run(embedded, "revoke", "nobody"), run(embedded, "revoke", "shop")
    assert none.exit_code == several.exit_code == 1
    assert "No key in use has this name" in none.output
    assert "say which by its id" in several.output


def test_a_key_has_several_scopes_and_an_expiry(embedded: Service) -> None:
    made = run(embedded, "create", "a helper", "--scope", "read, orders", "--expires", "30")
    assert (made.exit_code, status(embedded, made.output.strip())) == (0, 200)
    (line,) = run(embedded, "list").output.splitlines()
    assert "  read,orders  " in line
    assert "expires 2026-12-23" in line


def test_an_unknown_scope_is_named(embedded: Service) -> None:
    refused = run(embedded, "create", "a helper", "--scope", "read,everything")
    assert refused.exit_code == 2
    assert "'everything' is none of storefront, read, orders, kiosks, money, bridge, operator" in refused.output

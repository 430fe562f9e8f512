"""Logging in to the console: invitations, one-time codes, passkeys, sessions and their end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from bot.web.operator import one_time_codes
from bot.web.operator.log_in import WRONG
from marketplace_api.models import OperatorAct, OperatorSession
from tests.bot.web.operator.authenticator import Authenticator
from tests.bot.web.operator.visitor import Visitor, invited, logged_in, stranger, title, words
from tests.command_line import run_command
from tests.service import Service

HOME, PASSKEY = "/operator/", "/operator/log-in/passkey"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the phone with the app, in Unix seconds."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(one_time_codes, "machine_time", lambda: now[0])
    return now


def secret_on(page: TestResponse) -> str:
    found = re.search(r'id="secret">([A-Z2-7]{32})<', page.text)
    assert found
    return found[1]


def set_up_codes(service: Service, clock: list[float], name: str = "Grace") -> tuple[Visitor, pyotp.TOTP]:
    """A new operator who has just set up one-time codes."""
    path, visitor = invited(service, name), stranger(service)
    app = pyotp.TOTP(secret_on(visitor.get(path)))
    answer = visitor.send(path, code=app.at(int(clock[0])))
    assert (answer.status_code, answer.headers["Location"]) == (303, HOME)
    return visitor, app


def acts(service: Service) -> list[tuple[str, str]]:
    with service.services.database.reading() as session:
        return [(row.by, row.act) for row in session.scalars(select(OperatorAct).order_by(OperatorAct.id))]


# -- invitations


def test_opening_a_link_spends_nothing_and_its_form_works_once(embedded: Service, clock: list[float]) -> None:
    path, visitor = invited(embedded), stranger(embedded)
    first, second = visitor.get(path), visitor.get(path)
    assert title(first) == "Welcome, Grace"
    assert secret_on(first) == secret_on(second)

    wrong = visitor.send(path, code="000000")
    assert wrong.status_code == 422
    assert secret_on(wrong) == secret_on(first)
    visitor.send(path, code=pyotp.TOTP(secret_on(first)).at(int(clock[0])))
    assert visitor.get(HOME).status_code == 303  # logged in

    other = stranger(embedded)
    assert "was used" in words(other.get(path))
    assert other.send(path, code=pyotp.TOTP(secret_on(first)).at(int(clock[0]))).status_code == 404


def test_a_link_is_good_for_one_day(embedded: Service) -> None:
    path = invited(embedded)
    embedded.clock.advance(24 * 3600 - 1)
    assert stranger(embedded).get(path).status_code == 200
    embedded.clock.advance(1)
    assert stranger(embedded).get(path).status_code == 404


def test_a_second_link_replaces_the_first_until_the_operator_has_logged_in(
    embedded: Service, clock: list[float]
) -> None:
    path = urlsplit(run_command(embedded.app, "operator", "create", "Grace", "--role", "desk").output.strip()).path
    assert stranger(embedded).get(path).status_code == 200
    set_up_codes(embedded, clock)
    assert stranger(embedded).get(path).status_code == 404
    again = run_command(embedded.app, "operator", "create", "Grace")
    assert again.exit_code == 1
    assert "operator revoke Grace" in again.output


# -- one-time codes


def test_a_code_logs_in_once(embedded: Service, clock: list[float]) -> None:
    visitor, app = set_up_codes(embedded, clock)
    assert visitor.send("/operator/log-out").status_code == 303
    assert visitor.get(HOME).status_code == 200

    used = visitor.send("/operator/log-in", name="Grace", code=app.at(int(clock[0])))
    assert used.status_code == 422
    assert WRONG in words(used)
    clock[0] += 30
    code = app.at(int(clock[0]))
    assert visitor.send("/operator/log-in", name="Grace", code=f"{code[:3]} {code[3:]}").status_code == 303
    assert acts(embedded)[1:] == [
        ("operator:Grace", "operator.codes_set"),
        ("operator:Grace", "operator.logged_in"),
        ("operator:Grace", "operator.logged_in"),
    ]


def test_attempts_are_limited_by_name_and_a_right_code_does_not_help(embedded: Service, clock: list[float]) -> None:
    _, app = set_up_codes(embedded, clock)
    clock[0] += 60
    for number in range(10):
        other = stranger(embedded)
        other.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert other.send("/operator/log-in", name="Grace", code="123456").status_code == 422
    answer = stranger(embedded).send("/operator/log-in", name="Grace", code=app.at(int(clock[0])))
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "600"
    embedded.clock.advance(600)
    assert stranger(embedded).send("/operator/log-in", name="Grace", code=app.at(int(clock[0]))).status_code == 303


def test_a_secret_is_stored_encrypted_and_read_with_an_older_key() -> None:
    stored = one_time_codes.encrypt("JBSWY3DP", [b"o" * 32])
    assert "JBSWY3DP" not in stored
    assert one_time_codes.decrypt(stored, [b"n" * 32, b"o" * 32]) == "JBSWY3DP"
    assert one_time_codes.decrypt(stored, [b"n" * 32]) is None


# -- passkeys


def ask(visitor: Visitor, path: str, body: Mapping[str, Any] | None = None) -> TestResponse:
    return visitor.client.post(path, json=body or {}, headers={"X-CSRFToken": visitor.token()})


def test_a_passkey_is_set_up_by_the_link_and_logs_in(embedded: Service) -> None:
    path, visitor, phone = invited(embedded), stranger(embedded), Authenticator()
    options = ask(visitor, f"{path}/passkey/options").json
    assert options is not None
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert ask(visitor, f"{path}/passkey", phone.create(options)).json == {"to": HOME}
    assert stranger(embedded).get(path).status_code == 404

    other = stranger(embedded)
    answer = phone.get(ask(other, f"{PASSKEY}/options").json or {})
    copy = other.client.get_cookie("operator_form", path="/operator")
    assert ask(other, PASSKEY, answer).json == {"to": HOME}
    assert other.get(HOME).status_code == 303

    # the same answer again, with the cookie of before
    assert copy
    thief = stranger(embedded)
    thief.client.set_cookie("operator_form", copy.value, path="/operator")
    assert ask(thief, PASSKEY, answer).status_code == 422


WRONG_ANSWERS: Mapping[str, Any] = {
    "origin": "https://evil.example",
    "host": "evil.example",
    "flags": 1,  # nobody was verified
    "credential_id": b"another",
    "key": Authenticator().key,
}


def test_an_answer_that_is_not_the_passkeys_own_is_refused(embedded: Service) -> None:
    path, visitor, phone = invited(embedded), stranger(embedded), Authenticator()
    ask(visitor, f"{path}/passkey", phone.create(ask(visitor, f"{path}/passkey/options").json or {}))
    other = stranger(embedded)
    for name, wrong in WRONG_ANSWERS.items():
        options = ask(other, f"{PASSKEY}/options").json or {}
        answer = Authenticator(**{"key": phone.key, name: wrong}).get(options)
        assert ask(other, PASSKEY, answer).status_code == 422, name
    right = phone.get(ask(other, f"{PASSKEY}/options").json or {})
    assert ask(other, PASSKEY, right).status_code == 200


def test_a_passkey_that_cannot_be_set_up_does_not_spend_the_link(embedded: Service) -> None:
    path, visitor = invited(embedded), stranger(embedded)
    options = ask(visitor, f"{path}/passkey/options").json or {}
    assert (
        ask(visitor, f"{path}/passkey", Authenticator(origin="https://evil.example").create(options)).status_code == 422
    )
    assert visitor.get(path).status_code == 200


# -- sessions


def test_a_session_that_is_left_open_locks_and_pages_that_refresh_themselves_do_not_keep_it(embedded: Service) -> None:
    visitor = logged_in(embedded)
    for _ in range(2):  # used every 20 minutes
        embedded.clock.advance(1200)
        assert visitor.get(HOME).status_code == 303
    embedded.clock.advance(1200)
    assert visitor.get(f"{HOME}?refresh=1").status_code == 303
    embedded.clock.advance(600)
    assert visitor.get(HOME).status_code == 200


def test_a_session_ends_after_twelve_hours_however_it_is_used(embedded: Service) -> None:
    visitor = logged_in(embedded)
    for _ in range(24):
        embedded.clock.advance(1799)
        visitor.get(HOME)
    assert visitor.get(HOME).status_code == 303
    embedded.clock.advance(24)
    assert visitor.get(HOME).status_code == 200


def test_revoking_ends_every_session_and_way_to_log_in_at_once(embedded: Service, clock: list[float]) -> None:
    visitor, app = set_up_codes(embedded, clock)
    assert "1 open sessions" in run_command(embedded.app, "operator", "list").output
    result = run_command(embedded.app, "operator", "revoke", "Grace")
    assert "revoked" in result.output
    assert visitor.get(HOME).status_code == 200
    clock[0] += 30
    assert visitor.send("/operator/log-in", name="Grace", code=app.at(int(clock[0]))).status_code == 422
    assert run_command(embedded.app, "operator", "revoke", "Grace").exit_code == 1
    assert invited(embedded)  # the name is free again


def test_tokens_are_stored_hashed_and_cookies_are_closed_to_scripts(embedded: Service, clock: list[float]) -> None:
    path, visitor = invited(embedded), stranger(embedded)
    code = pyotp.TOTP(secret_on(visitor.get(path))).at(int(clock[0]))
    (cookie,) = [c for c in visitor.send(path, code=code).headers.getlist("Set-Cookie") if "operator_session" in c]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/operator" in cookie
    with embedded.services.database.reading() as session:
        (stored,) = session.scalars(select(OperatorSession.hash))
    assert stored not in cookie
    dump = "\n".join(str(row) for row in embedded.services.engine.connect().connection.iterdump())  # type: ignore[attr-defined]
    assert path.rpartition("/")[2] not in dump


def test_the_audit_log_cannot_be_changed(service: Service) -> None:
    invited(service)
    for change in ("UPDATE operator_act SET act = 'x'", "DELETE FROM operator_act"):
        with service.services.engine.begin() as conn, pytest.raises(DatabaseError, match="append-only"):
            conn.execute(text(change))

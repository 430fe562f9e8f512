"""Every check of an installation: it passes where all is well, and fails where what it is about is broken."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import Executable, create_engine, insert, text, update

from bot.cli.doctor import doctor_command
from bot.conversation.service import ConversationService
from bot.installation import checking, doctor, machine, outside, stores, words
from bot.installation.checking import CheckFinding, CheckResult, Installation, InstallationCheck
from bot.migrations import upgrade
from bot.providers import registry
from bot.services import build
from bot.worker import scheduler
from flows.kit import Ask, DialogueEngine, Flow, length
from marketplace_api.models import Event, LedgerAccount, LedgerEntry, LedgerPosting, Photo
from state import counters, outbox, redis_clients
from state.tables import schedule
from tests.databases import engine_for, migrated_sqlite
from tests.http_server import running_app
from tests.repository.architecture import ROOT
from tests.service import MONDAY

RIGHT = "right-key-of-the-account"
ACCOUNTS = {
    "sms_provider": "africastalking",
    "sms_fallover": "twilio",
    "payout_provider": "daraja",
    "collectors": ["mpesa", "stripe"],
    "at_username": "soko",
    "at_api_key": RIGHT,
    "twilio_account_sid": "AC1",
    "twilio_auth_token": RIGHT,
    "twilio_from": "+15005550006",
    "daraja_consumer_key": "soko",
    "daraja_consumer_secret": RIGHT,
    "daraja_shortcode": "600997",
    "daraja_webhook_secret": "daraja-webhook",
    "daraja_initiator": "soko",
    "daraja_security_credential": "Zm9vYmFyYmF6",
    "daraja_express_shortcode": "600998",
    "daraja_express_passkey": "passkey",
    "stripe_api_key": "sk_live_right",
    "stripe_webhook_secret": "whsec_1",
}
BY_BASIC = ("c29rbzpyaWdodC1rZXktb2YtdGhlLWFjY291bnQ=", "QUMxOnJpZ2h0LWtleS1vZi10aGUtYWNjb3VudA==")


def providers(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answers whoever has the right key, as each provider expects it."""
    given = environ.get("HTTP_APIKEY", ""), environ.get("HTTP_AUTHORIZATION", "")
    is_right = given[0] == RIGHT or given[1].endswith((*BY_BASIC, "sk_live_right"))
    start_response("200 OK" if is_right else "401 Unauthorized", [("Content-Type", "application/json")])
    refused = {"error": {"type": "invalid_request_error", "message": "no such key"}}
    return [json.dumps({"access_token": "token", "expires_in": "3599"} if is_right else refused).encode()]


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    with running_app(providers) as url:
        yield url


class Usage(NamedTuple):
    """How full a disk is, as `shutil.disk_usage` has it."""

    total: int
    used: int
    free: int


@dataclass
class BrokenPlace:
    """A healthy installation in production, what it is in, and the changes that a test makes."""

    installation: Installation
    folder: Path
    patch: pytest.MonkeyPatch

    def settings(self, **values: Any) -> None:
        changed = self.installation.settings.model_copy(update=values)
        self.installation = replace(self.installation, settings=changed)

    def services(self, **values: Any) -> None:
        self.installation = replace(self.installation, services=replace(self.installation.services, **values))

    def later(self, **time: float) -> None:
        self.installation = replace(self.installation, now=self.installation.now + timedelta(**time))

    def execute(self, statement: Executable) -> None:
        """Changes the database by hand: without the checks of foreign keys that our own engine makes."""
        by_hand = create_engine(self.installation.settings.database_url)
        with by_hand.begin() as connection:
            connection.execute(statement)
        by_hand.dispose()


def answer(status: int = 200, text: str = '{"status":"alive"}', **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, text.encode()
    made.headers.update(headers)
    return made


OURS = {outside.OURS: "1"}


@pytest.fixture
def place(tmp_path: Path, provider_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokenPlace]:
    url = migrated_sqlite(tmp_path / "soko.db")
    addresses = {f"{name}_base_url": provider_url for name in ("at", "twilio", "daraja", "stripe")}
    photos = tmp_path / "photos"
    photos.mkdir(mode=0o700)
    settings = registry.make_settings(database_url=url, photos_dir=str(photos), **ACCOUNTS, **addresses)
    settings = settings.model_copy(
        update={"environment": "production", "public_url": "https://soko.example", "trusted_proxies": 1}
    )
    services = build(settings, clock=lambda: MONDAY, engine=engine_for(url))
    (tmp_path / "soko.db").chmod(0o600)
    installation = Installation(settings, services, ROOT, MONDAY, upgrade.upgrade)
    made = BrokenPlace(installation, tmp_path, monkeypatch)
    monkeypatch.setattr(outside, "get", lambda _url: answer(**OURS))
    monkeypatch.setattr(outside, "certificate_ends_at", lambda _host, _port: MONDAY + timedelta(days=60))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, 10**12))
    scheduler(services).run_due()
    made.execute(update(schedule).values(done_at=MONDAY, error=None))
    with services.engine.begin() as connection:
        counters.store(connection, counters.BACKUPS, {str(tmp_path): int(MONDAY.timestamp())})
    mark = tmp_path / "monday.soko.restored"
    mark.touch()
    os.utime(mark, (MONDAY.timestamp(), MONDAY.timestamp()))
    yield made
    services.close()


# -- how to break each


def _lose_a_photo(place: BrokenPlace) -> None:
    row = {"id": "pht_1", "product_id": "prd_1", "number": 1, "digest": "", "width": 1, "height": 1}
    place.execute(insert(Photo).values(created_at=MONDAY, **row))


def _add_an_event(place: BrokenPlace) -> None:
    place.execute(insert(Event).values(id="evt_1", type="product.listed", created_at=MONDAY, data={}))
    place.later(minutes=6)


def _add_a_job(place: BrokenPlace) -> None:
    with place.installation.services.engine.begin() as connection:
        outbox.add(connection, kind="a", payload={}, key="a", ordering_key=None, due_at=MONDAY, now=MONDAY)
    place.later(minutes=6)


def _unbalance(place: BrokenPlace) -> None:
    place.execute(insert(LedgerAccount).values(name="odd", currency="KES"))
    place.execute(insert(LedgerEntry).values(id=1, key="odd", note="", at=MONDAY))
    place.execute(insert(LedgerPosting).values(entry_id=1, account="odd", amount=100))


def _fill_the_disk(place: BrokenPlace) -> None:
    place.patch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12, 10**8))


def _evict(place: BrokenPlace) -> None:
    place.settings(redis_url="redis://127.0.0.1:1/0")
    place.patch.setattr(redis_clients, "eviction_policies", lambda _url: {"allkeys-lru"})


def _read_a_primary(place: BrokenPlace) -> None:
    place.services(replica=place.installation.services.engine)


def _break_a_dialogue(place: BrokenPlace) -> None:
    conversation = place.installation.services.conversation
    lost = DialogueEngine(Flow("lost", Ask("way", "Where to?", then="nowhere", check=length(1, 9))))
    runner = replace(conversation.runner, engine=lost)
    place.services(conversation=ConversationService(runner, conversation.resources))


def _offer_a_new_language(place: BrokenPlace) -> None:
    conversation = place.installation.services.conversation
    here = replace(conversation.runner.place, languages=(("en", "English"), ("rw", "Kinyarwanda")))
    runner = replace(conversation.runner, place=here)
    place.services(conversation=ConversationService(runner, conversation.resources))


def _break_a_template(place: BrokenPlace) -> None:
    (place.folder / "page.html").write_text("{% if %}")
    place.patch.setattr(words, "TEMPLATES", place.folder)


def _pin_another_version(place: BrokenPlace) -> None:
    (place.folder / "requirements.txt").write_text("flask==0.1 \\\n    --hash=sha256:00\n")
    place.installation = replace(place.installation, root=place.folder)


def _listen_nowhere(place: BrokenPlace) -> None:
    place.patch.setattr(outside, "get", lambda _url: answer(404, "nginx"))


def _go_back(place: BrokenPlace) -> None:
    """Say that the database is at an older revision; its upgrade says the opposite."""
    newest = text(f"UPDATE alembic_version SET version_num = '{stores.newest_revision()}'")
    place.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    place.installation = replace(place.installation, upgrade=lambda _settings: place.execute(newest))


def _lower_the_rights(place: BrokenPlace) -> None:
    (place.folder / "soko.db").chmod(0o644)


def _set(**values: Any) -> Callable[[BrokenPlace], None]:
    return lambda place: place.settings(**values)


BREAKS: dict[str, Callable[[BrokenPlace], None]] = {
    "settings": lambda place: place.patch.setenv("PORT", "http"),
    "database": _set(database_url="sqlite:////proc/nowhere/soko.db"),
    "database_version": lambda place: place.patch.setattr(stores, "OLDEST_SQLITE", (99, 0)),
    "schema": _go_back,
    "tables": lambda place: place.execute(text("DROP INDEX session_expires_at")),
    "replica": _read_a_primary,
    "redis": _set(redis_url="redis://127.0.0.1:1/0"),
    "redis_policy": _evict,
    "python": lambda place: place.patch.setattr(sys, "version_info", (3, 9, 1)),
    "packages": _pin_another_version,
    "clock": lambda place: place.later(hours=-1),
    "disk": _fill_the_disk,
    "photos": _lose_a_photo,
    "file_rights": lambda place: (place.folder / "photos").chmod(0o755),
    "user": lambda place: place.patch.setattr(os, "geteuid", lambda: 0),
    "worker": lambda place: place.later(minutes=6),
    "queue": _add_a_job,
    "events": _add_an_event,
    "periodic_tasks": lambda place: place.execute(update(schedule).values(error="KeyError")),
    "audit": _unbalance,
    "account_africastalking": _set(at_api_key="wrong"),
    "account_twilio": _set(twilio_auth_token="wrong"),
    "account_daraja": _set(daraja_consumer_secret="wrong"),
    "account_mpesa": _set(daraja_consumer_secret="wrong"),
    "account_stripe": _set(stripe_api_key="sk_live_wrong"),
    "callbacks": _listen_nowhere,
    "tls": lambda place: place.later(days=50),
    "proxies": _set(trusted_proxies=0),
    "marketplace": _set(marketplace_url="http://127.0.0.1:1", marketplace_api_key="key"),
    "backup_age": lambda place: place.later(hours=27),
    "restore_age": lambda place: place.later(days=36),
    "dialogues": _break_a_dialogue,
    "languages": _offer_a_new_language,
    "templates": _break_a_template,
}
CHECKS = {check.name: check for check in doctor.CHECKS}


def test_each_check_has_something_that_breaks_it() -> None:
    assert list(BREAKS) == list(CHECKS)
    assert len(CHECKS) >= 20


@pytest.mark.parametrize("name", [name for name in BREAKS if name != "settings"])
def test_a_check_passes_where_all_is_well_and_fails_with_words_where_it_is_broken(
    place: BrokenPlace, name: str
) -> None:
    before = found(place, name)
    BREAKS[name](place)
    after = found(place, name)

    assert (before.ok, before.remedy) == (True, ""), before
    assert not after.ok
    assert len(after.detail) > 5
    assert after.remedy.endswith((".", ")", "="))
    assert "not checked" not in after.detail
    if name.startswith("account_"):
        assert after.detail.partition(" ")[2].startswith("refuses our credentials")


def test_a_provider_that_does_not_answer_is_told_from_one_that_refuses(place: BrokenPlace) -> None:
    place.settings(twilio_base_url="http://127.0.0.1:1")

    assert found(place, "account_twilio").detail == "twilio does not answer as it should: unreachable"


def found(place: BrokenPlace, name: str, *, repairing: bool = False) -> CheckResult:
    """The result of one check, as if those that it needs had passed."""
    (result,) = checking.run([replace(CHECKS[name], needs=())], place.installation, repairing=repairing)
    return result


# -- what development does not need


@pytest.mark.parametrize("name", ["file_rights", "user", "worker", "callbacks", "tls", "backup_age", "restore_age"])
def test_what_development_does_not_need_is_ok_there_and_says_so(place: BrokenPlace, name: str) -> None:
    place.settings(public_url=None)
    BREAKS[name](place)
    place.settings(environment="development")
    result = found(place, name)

    assert result.ok
    assert "development" in result.detail


# -- repairs


@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("file_rights", _lower_the_rights),
        ("photos", lambda place: (place.folder / "photos").rmdir()),
        ("schema", _go_back),
    ],
)
def test_what_can_be_corrected_safely_is_corrected_when_asked(
    place: BrokenPlace, name: str, breaks: Callable[[BrokenPlace], None]
) -> None:
    breaks(place)

    assert not found(place, name).ok
    assert found(place, name, repairing=True).detail.endswith("(corrected)")
    assert found(place, name).ok


# -- results


def test_a_check_that_needs_one_that_failed_is_not_run(place: BrokenPlace) -> None:
    place.settings(database_url="sqlite:////proc/nowhere/soko.db")
    results = checking.run([CHECKS["database"], CHECKS["schema"]], place.installation)

    assert [result.detail.partition(",")[0] for result in results][1] == "not checked"


def test_a_secret_is_not_in_a_finding(place: BrokenPlace) -> None:
    def fail(installation: Installation) -> CheckFinding:
        raise OSError(f"no access with {RIGHT}")

    (result,) = checking.run([InstallationCheck("one", "one", fail)], place.installation)

    assert (result.ok, result.detail) == (False, "no access with ***")


def doctor_prints(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(doctor_command, arguments)
    return done.exit_code, done.stdout


def test_a_wrong_setting_is_named_and_nothing_else_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    status, printed = doctor_prints("--json")
    document = json.loads(printed)

    assert (status, document["ok"]) == (1, False)
    assert [check["name"] for check in document["checks"]] == list(CHECKS)
    assert document["checks"][0]["detail"].startswith("PORT: 'http' is wrong")
    assert not any(check["ok"] for check in document["checks"])


def test_the_results_are_printed_as_lines_or_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_sqlite(tmp_path / "soko.db"))
    monkeypatch.setattr(doctor, "CHECKS", (CHECKS["database"], CHECKS["schema"], CHECKS["tls"]))

    assert doctor_prints() == (
        0,
        "ok     database  sqlite takes writes\n"
        f"ok     schema    revision {stores.newest_revision()}\n"
        "ok     tls       not needed in development\n"
        "All 3 checks passed.\n",
    )
    status, printed = doctor_prints("--json")
    assert (status, json.loads(printed)["ok"]) == (0, True)
    assert json.loads(printed)["checks"][0] == {
        "name": "database",
        "ok": True,
        "detail": "sqlite takes writes",
        "remedy": "",
    }


# -- with real stores


def test_a_real_redis_says_its_policy_and_its_time(redis_url: str) -> None:
    assert redis_clients.eviction_policies(redis_url) == {"noeviction"}
    assert abs((redis_clients.server_time(redis_url) - datetime.now(UTC)).total_seconds()) < 60


@pytest.fixture
def on_postgresql(migrated_postgres_url: str, place: BrokenPlace) -> Iterator[BrokenPlace]:
    """The installation with a real PostgreSQL."""
    engine = engine_for(migrated_postgres_url)
    place.settings(database_url=migrated_postgres_url)
    place.services(engine=engine)
    yield place
    engine.dispose()


def test_the_stores_of_a_real_postgresql_pass(on_postgresql: BrokenPlace) -> None:
    names = "database", "database_version", "schema", "tables", "clock"

    assert {name: found(on_postgresql, name).ok for name in names} == dict.fromkeys(names, True)


def test_a_clock_that_is_not_postgresqls_is_wrong(on_postgresql: BrokenPlace) -> None:
    on_postgresql.patch.setattr(machine, "system_clock", lambda: datetime.now(UTC) - timedelta(minutes=2))

    assert found(on_postgresql, "clock").detail == "this machine is 120 s behind PostgreSQL"

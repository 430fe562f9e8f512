"""What a web process imports: not what it may never need, and all that a first hop needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import migrated_sqlite
from tests.web_process import USSD

PROGRAM = f"""
import json, sys
import wsgi
started = set(sys.modules)
from werkzeug.test import Client
client = Client(wsgi.app)
fields = {{"phoneNumber": "+254711000999", "serviceCode": "*384*22#"}}
for session, typed in json.loads(sys.argv[1]):
    answer = client.post("{USSD}", data={{**fields, "sessionId": session, "text": typed}})
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith("CON"), answer.text
print(json.dumps([sorted(started), sorted(set(sys.modules) - started - {{"werkzeug.test"}})]))
"""
NEVER_NEEDED = {
    *("requests", "urllib3", "redis", "psycopg", "PIL", "alembic", "rich", "limits"),
    *("africastalking", "twilio.rest", "stripe", "bot.providers.africastalking_sdk", "bot.marketplace.remote"),
    *("fido2", "pyotp", "flask_wtf", "wtforms", "cryptography", "bot.web.operator"),
    *("bot.worker", "bot.server", "bot.cli.register", "bot.playground", "bot.migrations", "state.redis_sessions"),
}
"""Modules that a web process with SQLite does not need: Redis, PostgreSQL, senders, workers, commands, console."""


DEVELOPMENT_ONLY = ("bot.simulator", "bot.villages", "bot.playground", "bot.cli.phone")


def run(folder: Path, *hops: tuple[str, str], **environment: str) -> tuple[set[str], set[str]]:
    """The modules of a new web process, and those that were imported for its first hops."""
    url = migrated_sqlite(folder / "soko.db")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(hops)],
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    started, later = json.loads(done.stdout)
    return set(started), set(later)


def test_a_web_process_imports_only_what_it_may_need_and_its_first_hops_import_nothing(tmp_path: Path) -> None:
    started, for_hops = run(tmp_path, ("s1", ""), ("s1", "1"), ("s1", "1*1"), ("s2", ""))

    assert started & NEVER_NEEDED == set()
    assert for_hops == set()


def test_the_console_is_imported_when_it_is_first_asked_for(tmp_path: Path) -> None:
    asked = "client.get('/products'); client.get('/operator'); print("
    program = PROGRAM.replace("print(", f"from werkzeug.test import Client; {asked}", 1)
    done = subprocess.run(
        [sys.executable, "-c", program, "[]"],
        env={**os.environ, "DATABASE_URL": migrated_sqlite(tmp_path / "soko.db"), "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    started, later = json.loads(done.stdout)
    assert "bot.web.operator" not in started
    assert {"bot.web.operator.app", "fido2.server", "flask_wtf.csrf"} <= set(later)


@pytest.mark.parametrize("provider", ["africastalking", "twilio"])
def test_a_web_process_with_providers_needs_no_sender(tmp_path: Path, provider: str) -> None:
    accounts = {"AT_USERNAME": "soko", "AT_API_KEY": "key", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token"}
    started, for_hops = run(tmp_path, ("s1", ""), SMS_PROVIDER=provider, TWILIO_FROM="+15005550006", **accounts)

    assert started & NEVER_NEEDED == set()
    assert for_hops == set()


def test_a_process_with_redis_imports_it_at_its_start(tmp_path: Path, redis_url: str) -> None:
    started, for_hops = run(tmp_path, ("s1", ""), REDIS_URL=redis_url)

    assert {"redis", "state.redis_sessions"} <= started
    assert for_hops == set()


PRODUCTION = f"""
import json, sys
import wsgi
from werkzeug.test import Client
client = Client(wsgi.app)
paths = {{path: client.post(path).status_code for path in ("/simulator/dial", "/village", "/village/abcd/simulator")}}
import bot.worker
from bot.cli import register
register.commands(wsgi.app)
print(json.dumps([paths, sorted(name for name in sys.modules if name.startswith({DEVELOPMENT_ONLY!r}))]))
"""


def test_production_imports_nothing_of_the_simulator_and_has_no_villages(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU", "WEBHOOK_SECRET": "b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE"}
    sender = {"SMS_PROVIDER": "africastalking", "AT_USERNAME": "soko", "AT_API_KEY": "atsk_1"}
    stores = {"DATABASE_URL": migrated_sqlite(tmp_path / "soko.db"), "REDIS_URL": ""}
    environment = {**os.environ, "ENVIRONMENT": "production", "PUBLIC_URL": "https://soko.example"}
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTION],
        env={**environment, **secrets, **sender, **stores},
        capture_output=True,
        text=True,
        check=True,
    )
    paths, imported = json.loads(done.stdout)

    assert imported == []
    assert set(paths.values()) == {404}

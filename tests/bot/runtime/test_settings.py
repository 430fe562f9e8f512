"""A wrong setting ends the process with one line: its name, its value and what it takes."""

from __future__ import annotations

import os
import string
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from bot.providers import stripe_checkout
from bot.providers.registry import load_settings, settings_class
from bot.runtime import hardening, settings

ROOT = Path(__file__).parents[3]
NAMES = [name.upper() for name in settings_class().model_fields]

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU",
    "WEBHOOK_SECRET": "b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE",
    "SMS_PROVIDER": "africastalking",
    "AT_USERNAME": "soko",
    "AT_API_KEY": "atsk_1",
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def refused(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> str:
    """The line with which the process ends."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load_settings()
    assert "\n" not in str(ended.value)
    return str(ended.value)


def test_no_setting_is_required() -> None:
    assert load_settings().url == "http://127.0.0.1:8000"
    assert load_settings().operator_key


@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("PORT", "http", "integer"),
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("ENVIRONMENT", "staging", "'development' or 'production'"),
        ("DEMO", "perhaps", "boolean"),
        ("SMS_PROVIDER", "pigeon", "'simulator', 'africastalking' or 'twilio'"),
        ("SMS_ROUTES", "+254=pigeon", "+254=africastalking,+1=twilio"),
        ("SMS_ROUTES", "254=twilio", "+254=africastalking,+1=twilio"),
        ("SMS_ROUTES", "+254", "+254=africastalking,+1=twilio"),
        ("PAYOUT_PROVIDER", "cheque", "'simulator', 'none' or 'daraja'"),
        ("COLLECTORS", "cheque", "simulator,mpesa,stripe, or none"),
        ("COLLECTORS", "none,mpesa", "simulator,mpesa,stripe, or none"),
        ("DARAJA_SHORTCODE", "soko", "pattern"),
        ("DARAJA_EXPRESS_SHORTCODE", "soko", "pattern"),
        ("USSD_CODE", "384*22", "pattern"),
        ("COUNTRY", "Kenya", "such as KE"),
        ("CURRENCY", "shillings", "such as KES"),
        ("CURRENCY", "ABC", "ISO 4217"),
        ("CURRENCY", "kes", "ISO 4217"),
        ("CURRENCY", "DEM", "in use"),
        ("CURRENCY", "XXX", "in use"),
        ("TIMEZONE", "Nairobi", "such as Africa/Nairobi"),
        ("TIMEZONE", "/etc/passwd", "such as Africa/Nairobi"),
        ("LANGUAGES", "en,xx", "en,am,fr,sw"),
        ("LANGUAGES", ",", "at least 1"),
        ("COMMISSION_PERCENT", "ten", "integer"),
        ("COMMISSION_PERCENT", "91", "less than or equal to 90"),
        ("API_RATE", "often", "3000/minute"),
        ("PUBLIC_RATE", "0/minute", "3000/minute"),
        ("TRUSTED_PROXIES", "-1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_named_with_what_the_setting_takes(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, takes: str
) -> None:
    line = refused(monkeypatch, {variable: value})

    assert line.startswith(f"{variable}: {value!r} is wrong: ")
    assert takes in line


@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("PUBLIC_URL", "soko.example", "http:// or https:// address"),
        ("AT_BASE_URL", "ftp://sms.example", "http:// or https:// address"),
        ("TWILIO_BASE_URL", "https:/twilio.example", "http:// or https:// address"),
        ("DARAJA_BASE_URL", "sandbox.safaricom.co.ke", "http:// or https:// address"),
        ("SECRET_KEY", "short", "at least 8"),
        ("SECRET_KEY", "long-enough,short", "at least 8"),
        ("SECRET_KEY", "one-value,another-value,a-third-value", "one value, or two"),
        ("SECRET_KEY", " , ", "one value, or two"),
        ("WEBHOOK_SECRET", "two/parts", "pattern"),
        ("WEBHOOK_SECRET", "one,two,three", "pattern"),
        ("WEBHOOK_SECRET", "one,two/parts", "pattern"),
        ("DARAJA_WEBHOOK_SECRET", "one,", "pattern"),
        ("BOOTSTRAP_API_KEY", "tooshort", "at least 16"),
        ("DATABASE_URL", "mysql://root:hunter2@db/soko", "sqlite:///path or postgresql+psycopg://"),
        ("DATABASE_URL", "postgresql://soko:hunter2@db:port/soko", "sqlite:///path or postgresql+psycopg://"),
        ("DATABASE_REPLICA_URL", "sqlite:///hunter2.db", "postgresql+psycopg://"),
        ("REDIS_URL", "http://:hunter2@redis", "redis://host:port/number"),
        ("REDIS_URL", "redis://:hunter2@one:6379,two:6379", "takes one server; several servers"),
        ("REDIS_URL", "redis+cluster://:hunter2@", "one or more host:port"),
        ("REDIS_URL", "redis+cluster://:hunter2@one:6379,", "one or more host:port"),
        ("REDIS_URL", "redis+cluster://:hunter2@one:port", "one or more host:port"),
        ("REDIS_URL", "redis+cluster://:hunter2@one:6379/2", "no other database than 0"),
        ("REDIS_URL", "redis+cluster://:hunter2@one:6379?colour=blue", "takes after ? nothing"),
        ("REDIS_URL", "redis+cluster://:hunter2@one:6379?ssl_ca_certs=ca.pem", "takes after ? nothing"),
        ("REDIS_URL", "rediss+cluster://:hunter2@one:6379?colour=blue", "takes after ? only ssl_ca_certs"),
        ("REDIS_URL", "redis+cluster://:hun/ter2@one:6379", "one or more host:port"),
        ("REDIS_URL", "redis+sentinel://:hunter2@one:26379", "the name of the master"),
        ("REDIS_URL", "redis+sentinel://:hunter2@one:26379/soko/two", "takes a number as the database"),
    ],
)
def test_a_wrong_value_that_may_hold_a_secret_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, takes: str
) -> None:
    line = refused(monkeypatch, {variable: value})

    assert line.startswith(f"{variable}: ")
    assert takes in line
    assert value not in line


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"SMS_PROVIDER": "africastalking"}, "AT_USERNAME"),
        ({"SMS_PROVIDER": "africastalking", "AT_USERNAME": "soko"}, "AT_API_KEY"),
        ({"SMS_ROUTES": "+1=twilio"}, "TWILIO_ACCOUNT_SID"),
        ({"SMS_ROUTES": "+1=twilio", "TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN"),
        ({"SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"}, "TWILIO_FROM"),
    ],
)
def test_a_provider_without_its_credentials_is_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], variable: str
) -> None:
    assert refused(monkeypatch, environment).startswith(f"{variable} is needed")


DARAJA = {
    "DARAJA_BASE_URL": "https://sandbox.safaricom.co.ke",
    "DARAJA_CONSUMER_KEY": "key",
    "DARAJA_CONSUMER_SECRET": "secret",
    "DARAJA_SHORTCODE": "600997",
    "DARAJA_INITIATOR": "testapi",
    "DARAJA_SECURITY_CREDENTIAL": "c3Jl",
}


@pytest.mark.parametrize("missing", DARAJA)
def test_daraja_is_refused_without_one_of_its_settings(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    others = {name: value for name, value in DARAJA.items() if name != missing}
    assert refused(monkeypatch, {"PAYOUT_PROVIDER": "daraja"} | others).startswith(f"{missing} is needed by the payout")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("STRIPE_API_KEY", "pk_live_51Soko", "pattern"),
        ("STRIPE_API_KEY", "sk_live_", "pattern"),
        ("STRIPE_WEBHOOK_SECRET", "the-secret", "pattern"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1,", "pattern"),
        ("STRIPE_BASE_URL", "http://stripe.example", "must be an https address, or one of this machine"),
        ("STRIPE_BASE_URL", "stripe.example", "http:// or https:// address"),
    ],
)
def test_a_wrong_setting_of_stripe_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    line = refused(monkeypatch, {variable: value})
    assert line.startswith(variable)
    assert why in line
    assert value not in line


def test_stripe_may_be_the_simulator_on_this_machine_and_have_two_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    stripe = {
        "STRIPE_API_KEY": "rk_test_51Soko",
        "STRIPE_WEBHOOK_SECRET": "whsec_new,whsec_old",
        "STRIPE_BASE_URL": "http://127.0.0.1:8000/simulator/stripe",
    }
    for name, value in stripe.items():
        monkeypatch.setenv(name, value)
    own = stripe_checkout.PROVIDER.own_settings(load_settings())
    assert stripe_checkout.webhook_secrets(own) == ["whsec_new", "whsec_old"]


def test_in_production_nobody_pays_with_a_test_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("sk_test_51Soko", "rk_test_51Soko"):
        line = refused(monkeypatch, PRODUCTION | {"STRIPE_API_KEY": key})
        assert line.startswith("STRIPE_API_KEY must be a live key when ENVIRONMENT is production")
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_51Soko")
    assert not load_settings().development


def test_daraja_is_refused_with_another_currency_than_shillings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"PAYOUT_PROVIDER": "daraja", "CURRENCY": "UGX"} | DARAJA
    assert refused(monkeypatch, environment).startswith("CURRENCY must be KES")


MPESA = {name: value for name, value in DARAJA.items() if name != "DARAJA_SHORTCODE"} | {
    "DARAJA_EXPRESS_SHORTCODE": "600638",
    "DARAJA_EXPRESS_PASSKEY": "passkey",
}


@pytest.mark.parametrize("missing", MPESA)
def test_mpesa_is_refused_without_one_of_its_settings(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    others = {name: value for name, value in MPESA.items() if name != missing}
    assert refused(monkeypatch, {"COLLECTORS": "mpesa"} | others) == f"{missing} is needed by the collector that is set"


def test_mpesa_is_refused_with_another_currency_than_shillings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"COLLECTORS": "simulator,mpesa", "CURRENCY": "UGX"} | MPESA
    assert refused(monkeypatch, environment).startswith("CURRENCY must be KES when COLLECTORS has mpesa")


@pytest.mark.parametrize(
    ("value", "used"),
    [
        (None, ("simulator",)),
        ("none", ()),
        ("mpesa", ("mpesa",)),
        ("mpesa, simulator,mpesa", ("mpesa", "simulator")),
    ],
)
def test_collectors_are_a_list_and_the_simulator_unless_others_are_set(
    monkeypatch: pytest.MonkeyPatch, value: str | None, used: tuple[str, ...]
) -> None:
    for name, other in MPESA.items():
        monkeypatch.setenv(name, other)
    if value:
        monkeypatch.setenv("COLLECTORS", value)
    assert load_settings().used_collectors == used


@pytest.mark.parametrize(
    ("given", "missing"),
    [("MARKETPLACE_URL", "MARKETPLACE_API_KEY"), ("MARKETPLACE_API_KEY", "MARKETPLACE_URL")],
)
def test_a_remote_marketplace_needs_an_address_and_a_key(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    assert refused(monkeypatch, {given: "https://shop.example"}).startswith(f"{missing} is needed")


def test_sqlite_has_no_read_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    line = refused(monkeypatch, {"DATABASE_REPLICA_URL": "postgresql+psycopg://soko@replica/soko"})
    assert line.startswith("DATABASE_REPLICA_URL is for PostgreSQL")


@pytest.mark.parametrize(
    "url",
    ["https://shop.example", "https://shop.example/", "https://shop.example/api/v1", "https://shop.example/api/v1/"],
)
def test_the_address_of_a_remote_marketplace_may_have_its_path(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MARKETPLACE_URL", url)
    monkeypatch.setenv("MARKETPLACE_API_KEY", "soko_operator_1")

    assert load_settings().marketplace_api == "https://shop.example/api/v1"


def test_production_starts_with_its_own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)

    assert not load_settings().development
    assert load_settings().operator_key is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", settings.DEVELOPMENT_SECRET),
        ("SECRET_KEY", ""),
        ("WEBHOOK_SECRET", settings.DEVELOPMENT_WEBHOOK_SECRET),
        ("WEBHOOK_SECRET", ""),
        ("BOOTSTRAP_API_KEY", settings.DEVELOPMENT_API_KEY),
        ("SMS_PROVIDER", "simulator"),
        ("SMS_PROVIDER", ""),
        ("SMS_FALLOVER", "simulator"),
        ("SMS_ROUTES", "+1=simulator"),
        ("SMS_RATES", "simulator=1"),
        ("PAYOUT_PROVIDER", "simulator"),
        ("COLLECTORS", "simulator"),
        ("DEMO", "on"),
        ("DARAJA_WEBHOOK_SECRET", settings.DEVELOPMENT_WEBHOOK_SECRET),
        ("METRICS_TOKEN", settings.DEVELOPMENT_SECRET),
        ("SECRET_KEY", settings.DEVELOPMENT_API_KEY),
        ("SECRET_KEY", f"Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU,{settings.DEVELOPMENT_SECRET}"),
        ("WEBHOOK_SECRET", f"b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE,{settings.DEVELOPMENT_WEBHOOK_SECRET}"),
    ],
)
def test_production_refuses_development_values(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    line = refused(monkeypatch, PRODUCTION | {variable: value})

    assert line.startswith(f"{variable} must")
    assert line.endswith("when ENVIRONMENT is production")


def test_production_has_no_collector_unless_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert load_settings().used_collectors == ()


def test_payouts_are_simulated_in_development_and_wait_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().payout_provider == "simulator"
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert load_settings().payout_provider == "none"


OWN_SECRETS = ("SECRET_KEY", "WEBHOOK_SECRET", "DARAJA_WEBHOOK_SECRET", "BOOTSTRAP_API_KEY", "METRICS_TOKEN")


@pytest.mark.parametrize(("name", "other"), list(combinations(OWN_SECRETS, 2)))
def test_production_refuses_one_secret_for_two_things(monkeypatch: pytest.MonkeyPatch, name: str, other: str) -> None:
    shared = "d4Zk8Wn2Rq7Tm3Xv9Lb6Jc1Hs5Gf0PyE"
    line = refused(monkeypatch, PRODUCTION | {name: shared, other: shared})

    assert line == f"{other} must differ from {name} when ENVIRONMENT is production"


def test_production_refuses_the_old_value_of_another_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = PRODUCTION["WEBHOOK_SECRET"]
    line = refused(monkeypatch, PRODUCTION | {"DARAJA_WEBHOOK_SECRET": f"d4Zk8Wn2Rq7Tm3Xv9Lb6Jc1Hs5Gf0PyE,{theirs}"})

    assert line == "DARAJA_WEBHOOK_SECRET must differ from WEBHOOK_SECRET when ENVIRONMENT is production"


def test_in_production_daraja_needs_a_webhook_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = PRODUCTION | DARAJA | {"PAYOUT_PROVIDER": "daraja", "PUBLIC_URL": "https://soko.example"}
    assert refused(monkeypatch, chosen).startswith("DARAJA_WEBHOOK_SECRET must be set")

    monkeypatch.setenv("DARAJA_WEBHOOK_SECRET", "d4Zk8Wn2Rq7Tm3Xv9Lb6Jc1Hs5Gf0PyE")
    assert load_settings().payout_provider == "daraja"


def test_in_production_mpesa_needs_a_webhook_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = PRODUCTION | MPESA | {"COLLECTORS": "mpesa", "PUBLIC_URL": "https://soko.example"}
    line = refused(monkeypatch, chosen)
    assert line == "DARAJA_WEBHOOK_SECRET must be set when ENVIRONMENT is production and COLLECTORS has mpesa"

    monkeypatch.setenv("DARAJA_WEBHOOK_SECRET", "d4Zk8Wn2Rq7Tm3Xv9Lb6Jc1Hs5Gf0PyE")
    assert load_settings().used_collectors == ("mpesa",)


EXPOSED = {
    "AT_BASE_URL": "http://at.example",
    "TWILIO_BASE_URL": "http://twilio",
    "DARAJA_BASE_URL": "http://10.0.0.1",
    "MARKETPLACE_URL": "http://shop.example",
}
WEAK = (
    "a" * 16,
    "a" * 64,
    "short-but-Random-7f3Kq9",
    "0123456789" * 4,
    "secret-" * 8,
    "abcdefghijklmnopqrstuvwxyz012345",
    "12121212343434341212121234343434",
    "correct-horse-correct-horse-correct-horse-"[:-4],
)


@pytest.mark.parametrize("secret", WEAK)
@pytest.mark.parametrize("variable", OWN_SECRETS)
def test_production_refuses_a_secret_that_can_be_guessed(
    monkeypatch: pytest.MonkeyPatch, variable: str, secret: str
) -> None:
    line = refused(monkeypatch, PRODUCTION | {variable: secret})
    assert line.startswith(f"{variable} must be at least 32 random characters")
    assert secret not in line


@pytest.mark.parametrize("variable", ["SECRET_KEY", "WEBHOOK_SECRET", "DARAJA_WEBHOOK_SECRET"])
def test_each_of_two_values_must_be_hard_to_guess(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    good, others = "d4Zk8Wn2Rq7Tm3Xv9Lb6Jc1Hs5Gf0PyE", PRODUCTION | {variable: ""}
    for name, value in (others | {variable: f"{good},e5Al9Xo3Sr8Un4Yw0Mc7Kd2It6Hg1QzF"}).items():
        monkeypatch.setenv(name, value)
    assert not load_settings().development
    for value in (f"{good},{'a' * 40}", f"{'a' * 40},{good}", f"{good},short-but-long-enough"):
        assert refused(monkeypatch, others | {variable: value}).startswith(f"{variable} must be at least 32 random")


def test_random_secrets_are_accepted() -> None:
    random = Random(7)
    for alphabet in ("0123456789abcdef", string.ascii_letters + string.digits + "-_"):
        secrets = ["".join(random.choices(alphabet, k=length)) for length in (32, 43, 64) for _ in range(2000)]
        assert [secret for secret in secrets if hardening.is_guessable(secret)] == []


@pytest.mark.parametrize("variable", ["PUBLIC_URL", *EXPOSED])
def test_production_refuses_http_except_on_this_machine(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("MARKETPLACE_API_KEY", "soko_operator_1" if variable == "MARKETPLACE_URL" else "")
    for near in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://far.example"):
        monkeypatch.setenv(variable, near)
        for name, value in PRODUCTION.items():
            monkeypatch.setenv(name, value)
        assert load_settings().environment == "production"
    line = refused(monkeypatch, {variable: EXPOSED.get(variable, "http://soko.example")})
    assert line == f"{variable} must be an https address when ENVIRONMENT is production"


def test_production_names_every_wrong_setting_in_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PRODUCTION | {"SECRET_KEY": "a" * 40, "HOST": "0.0.0.0", "SMS_ROUTES": "+1=simulator"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load_settings()
    assert [line.split()[0] for line in str(ended.value).splitlines()] == ["SMS_ROUTES", "SECRET_KEY", "PUBLIC_URL"]


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("HOST", "0.0.0.0", "HOST is not a loopback address"),
        ("HOST", "soko.example", "HOST is not a loopback address"),
        ("PUBLIC_URL", "https://soko.example", "PUBLIC_URL is https"),
    ],
)
def test_development_secrets_stay_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)
    own = {"SECRET_KEY": "our-own-secret", "WEBHOOK_SECRET": "our-own", "BOOTSTRAP_API_KEY": "a-key-of-our-own-1"}
    for name in own:
        others = {other: value for other, value in own.items() if other != name}
        monkeypatch.delenv(name, raising=False)
        assert refused(monkeypatch, others) == f"{name} must have a value of its own when {why}"
    for name, its_own in own.items():
        monkeypatch.setenv(name, its_own)
    assert load_settings().development


@pytest.mark.parametrize("program", ["import wsgi", "from bot import worker; worker.main()"])
def test_a_process_with_a_wrong_setting_prints_the_line_and_nothing_else(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "PORT: 'http' is wrong: input should be a valid integer, unable to parse string as an integer"
    ]


@pytest.mark.parametrize(("chosen", "expected"), [({}, 0o022), (PRODUCTION, 0o077)], ids=["development", "production"])
def test_web_processes_and_commands_write_for_their_user_alone_in_production(
    chosen: dict[str, str], expected: int
) -> None:
    program = "import os; os.umask(0o022); import wsgi; print(os.umask(0))"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | chosen, capture_output=True, text=True, check=True
    )

    assert int(ended.stdout) == expected


def test_every_setting_is_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text()

    assert [name for name in NAMES if f"{name}=" not in example] == []


def test_in_production_only_the_services_user_reads_what_it_writes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    before = os.umask(0o022)
    try:
        hardening.protect_process()
        (tmp_path / "file").write_text("private")
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "folder")] == [0o600, 0o700]
    assert "runs as root" in caplog.text

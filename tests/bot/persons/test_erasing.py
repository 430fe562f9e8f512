"""`erase-person` and `export-person`: the books stay, and no table, session, photo or file names the person."""

from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import Result
from PIL import Image
from sqlalchemy import text

from bot.persons import scrubbing, traces
from bot.persons.erasing import Eraser
from bot.persons.scrubbing import ERASED
from marketplace_api.accounts import artisans
from marketplace_api.payments import audit
from state import people
from tests.actors import TESTER
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, JOY, OTIENO, POT
from tests.command_line import run_command
from tests.service import Service

NAME, STREET = "Akinyi Wanjiku Ouma", "17 Jacaranda Close"
BUYER_NAME = "Joy Testperson"


def erase(service: Service, msisdn: str, *options: str) -> Result:
    return run_command(service.app, "erase-person", msisdn, *(options or ("--yes",)))


def buy(service: Service) -> Any:
    """An order of Joy with her full name and address, which Akinyi accepts."""
    (product,) = fixtures.products_titled(service, POT)
    body = {
        "product_id": product["id"],
        "quantity": 1,
        "buyer": {"name": BUYER_NAME, "phone": JOY, "locale": "en"},
        "ship_to": {"name": BUYER_NAME, "line1": STREET, "postal_code": "00100", "city": "Nairobi", "country": "KE"},
        "note": f"Please call {BUYER_NAME} on 0733 000 333",
    }
    order = service.api("POST", "/orders", body, **{"Idempotency-Key": "joys-order"})
    service.gateway.text(AKINYI, f"YES {order['code']}")
    return service.api("GET", f"/orders/{order['id']}")


def finish(service: Service, order: Any) -> None:
    """Receive, pay, ship and deliver it, so that nothing is owed and nothing is open."""
    fixtures.choose_language(service, "en", OTIENO)
    fixtures.dial(service, OTIENO, "1", order["code"], "1", "1")
    service.work()
    service.later(minutes=10)
    service.api("POST", f"/orders/{order['id']}/ship", {"carrier": "G4S", "tracking": "TR1"})
    service.api("POST", f"/orders/{order['id']}/deliver")
    service.work()


def add_photo(service: Service) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "brown").save(picture, "JPEG")
    (product,) = fixtures.products_titled(service, POT)
    service.services.photo_store.add(product["code"], picture.getvalue())


def rename(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        artisan = artisans.by_msisdn(shop, AKINYI)
        assert artisan is not None
        artisans.rename(shop, artisan, NAME)


@pytest.fixture
def finished(service: Service) -> Any:
    return everything(service)


@pytest.fixture
def finished_embedded(embedded: Service) -> Any:
    return everything(embedded)


def everything(service: Service) -> Any:
    """An order from its placing to its delivery, with texts, calls, a photo, a help request and cash at the kiosk."""
    rename(service)
    add_photo(service)
    order = buy(service)
    service.gateway.text(OTIENO, f"Is {NAME} on 0711 000-103 coming today?")
    service.gateway.text(AKINYI, f"My name is {NAME}, call me")
    service.gateway.text(AKINYI, "CALL")
    service.gateway.text(JOY, f"TRACK {order['code']}")
    fixtures.dial(service, AKINYI, "2")
    fixtures.dial(service, JOY)
    service.work()
    finish(service, order)
    kiosk = service.api("GET", "/kiosks?limit=1")["data"][0]["id"]
    cash = {"amount": {"amount": 5_00, "currency": "KES"}, "note": f"brought by {NAME}, 0711000103"}
    service.api("POST", f"/kiosks/{kiosk}/float", cash, **{"Idempotency-Key": "cash"})
    service.work()
    return order


def stored(service: Service) -> Iterator[tuple[str, str]]:
    """Every value of every table, and every conversation in Redis, as text; with its place."""
    with service.services.engine.connect() as conn:
        for table in traces.tables(conn):
            for row in conn.execute(table.select()):
                for column, value in row._mapping.items():
                    shown = bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    yield f"{table.name}.{column}", shown
    if service.settings.redis_url:
        with redis.Redis.from_url(service.settings.redis_url) as client:
            for key in client.scan_iter():
                value = client.hgetall(key) if client.type(key) == b"hash" else client.get(key)
                yield "redis", f"{key!r} {value!r}"


def files(service: Service, folder: Path) -> Iterator[tuple[str, str]]:
    """The bytes of every file: the database with its freed pages and its log, and the photos."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.name, file.read_bytes().decode("latin-1")


def places(found: Iterator[tuple[str, str]], msisdn: str, *words: str) -> set[str]:
    """Where a number, in any spelling, or one of these words is."""
    number = scrubbing.number_pattern(msisdn)
    return {place for place, value in found if re.search(number, value) or any(word in value for word in words)}


def sums(service: Service) -> Any:
    """What has to stay: balances, the audit, totals of orders and the sums of texts."""
    with service.services.database.reading() as session:
        shop = service.services.shop(session, TESTER)
        checks = {check.name: list(check.inconsistencies) for check in audit.checks(shop)}
        balances = session.execute(text("SELECT account, sum(amount) FROM ledger_posting GROUP BY account ORDER BY 1"))
        books = [tuple(row) for row in balances]
    texts = [service.api("GET", f"/message-sums?by={by}")["data"] for by in ("day", "dialogue", "order")]
    orders = [(order["id"], order["total"], order["status"]) for order in service.api("GET", "/orders")["data"]]
    payouts = [(one["id"], one["amount"], one["status"]) for one in service.api("GET", "/payouts")["data"]]
    return checks, books, texts, orders, payouts


@pytest.mark.every_store
def test_an_erased_artisan_is_in_no_table_session_or_file_and_the_books_stay(
    service: Service, finished: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = sums(service)
    tables = places(stored(service), AKINYI, NAME)
    assert {"artisan.msisdn", "message.text", "event.data", "ledger_entry.note", "help_request.msisdn"} <= tables
    assert len(list((tmp_path / "photos").iterdir())) == 2

    result = erase(service, "0711 000 103")

    assert (result.exit_code, result.output.partition(".")[0]) == (0, "Erased")
    assert places(stored(service), AKINYI, NAME) == set()
    assert places(files(service, tmp_path), AKINYI, NAME) == set()
    assert list((tmp_path / "photos").iterdir()) == []
    assert places(iter([("log", caplog.text)]), AKINYI, NAME) == set()
    assert sums(service) == before


@pytest.mark.every_store
def test_an_erased_buyer_is_in_no_table_session_or_file_and_the_books_stay(
    service: Service, finished: Any, tmp_path: Path
) -> None:
    before = sums(service)
    assert {"order.ship_to", "event.data", "idempotency_key.body"} <= places(stored(service), JOY, BUYER_NAME, STREET)

    assert erase(service, JOY).exit_code == 0

    assert places(stored(service), JOY, BUYER_NAME, STREET) == set()
    assert places(files(service, tmp_path), JOY, BUYER_NAME, STREET) == set()
    assert sums(service) == before
    order = service.api("GET", f"/orders/{finished['id']}")
    assert (order["buyer"]["name"], order["ship_to"]["city"], order["note"]) == (ERASED, "Nairobi", None)
    assert order["buyer"]["phone"].startswith("erased-")
    assert places(stored(service), AKINYI, NAME)


def test_what_was_deleted_long_before_is_in_no_free_page_of_the_file(embedded: Service, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "soko.db") as conn:
        conn.execute("PRAGMA secure_delete = OFF")  # as SQLite is built by default, though not by Debian
        conn.execute("INSERT INTO tally (name, label, count) VALUES (?, ?, 1)", (f"{NAME} {AKINYI} " * 1000, ""))
        conn.commit()
        conn.execute("DELETE FROM tally WHERE count = 1 AND label = ''")
    assert "tally.name" not in places(stored(embedded), AKINYI, NAME)
    assert places(files(embedded, tmp_path), AKINYI, NAME)

    assert erase(embedded, AKINYI).exit_code == 0

    assert places(files(embedded, tmp_path), AKINYI, NAME) == set()


def test_one_transaction_erases_everything_that_was_there(
    embedded: Service, finished_embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Eraser, "_erase_rest", die)
    assert isinstance(erase(embedded, AKINYI).exception, SystemExit)
    left = {place for place in places(stored(embedded), AKINYI, NAME) if not place.startswith("session.")}
    assert left == set()
    monkeypatch.undo()
    assert erase(embedded, AKINYI).exit_code == 0


def test_the_rows_of_one_person_keep_one_pseudonym(embedded: Service) -> None:
    embedded.gateway.text(JOY, "HELP")
    embedded.work()
    assert erase(embedded, JOY).exit_code == 0
    texts = embedded.api("GET", "/messages")["data"]
    assert len({text["msisdn"] for text in texts}) == 1
    assert {text["text"] for text in texts} == {""}


def test_who_joins_again_after_an_erasure_can_be_erased_again(embedded: Service) -> None:
    kiosk = embedded.api("GET", "/kiosks")["data"][0]["id"]
    for _ in range(2):
        assert erase(embedded, AKINYI).exit_code == 0
        fixtures.add_artisan(embedded, AKINYI, NAME, kiosk)
    assert erase(embedded, AKINYI).exit_code == 0
    assert len({artisan["phone"] for artisan in embedded.api("GET", "/artisans")["data"]}) == 3


def test_who_is_owed_money_or_has_an_open_order_is_refused_in_words(embedded: Service) -> None:
    order = buy(embedded)
    buyer, artisan = erase(embedded, JOY), erase(embedded, AKINYI)
    assert (buyer.exit_code, artisan.exit_code) == (1, 1)
    assert buyer.output == f"Error: This person has ordered, and the order is still open: {order['code']}.\n"
    assert artisan.output == f"Error: This artisan has open orders: {order['code']}.\n"

    fixtures.choose_language(embedded, "en", OTIENO)
    fixtures.dial(embedded, OTIENO, "1", order["code"], "1", "1")
    owed, agent = erase(embedded, AKINYI), erase(embedded, OTIENO)
    assert (owed.exit_code, owed.output) == (1, "Error: This artisan is owed money.\n")
    assert agent.exit_code == 1
    assert "Give the kiosk another agent first." in agent.output
    assert places(stored(embedded), AKINYI)


def test_a_phone_on_which_another_artisan_is_paid_is_not_erased(embedded: Service) -> None:
    kiosk = embedded.api("GET", "/kiosks")["data"][0]["id"]
    fixtures.add_artisan(embedded, "+254711000104", "Achieng", kiosk, paid_to=AKINYI)
    refused = erase(embedded, AKINYI)
    assert (refused.exit_code, "is paid on this phone" in refused.output) == (1, True)


def test_without_yes_the_command_asks_and_no_changes_nothing(embedded: Service) -> None:
    asked = run_command(embedded.app, "erase-person", AKINYI, input="n\n")
    assert asked.exit_code == 1
    assert f"Erase {AKINYI}? This cannot be undone." in asked.output
    assert places(stored(embedded), AKINYI)


def test_another_person_with_the_same_name_keeps_it(embedded: Service) -> None:
    rename(embedded)
    kiosk = embedded.api("GET", "/kiosks")["data"][0]["id"]
    fixtures.add_artisan(embedded, "+254711000104", NAME, kiosk)
    embedded.gateway.text("+254711000104", f"I am {NAME}")
    assert erase(embedded, AKINYI).exit_code == 0
    assert places(stored(embedded), AKINYI) == set()
    assert {"artisan.name", "message.text"} <= places(stored(embedded), "+254711000104", NAME)
    names = {artisan["name"] for artisan in embedded.api("GET", "/artisans")["data"]}
    assert names == {NAME, ERASED}


def test_an_unknown_phone_is_erased_without_an_error(embedded: Service) -> None:
    assert erase(embedded, "+254799000999").exit_code == 0


@pytest.mark.every_store
def test_an_export_has_everything_of_a_person_and_no_secret(service: Service, finished: Any) -> None:
    with service.services.database.writing.begin() as session:
        people.set_language(session.connection(), AKINYI, "sw", service.clock())
    result = run_command(service.app, "export-person", AKINYI)
    assert result.exit_code == 0
    export = json.loads(result.output)
    tables = {place.partition(".")[0] for place in places(stored(service), AKINYI)} - {"redis", "session"}
    others = {"ledger_entry", "message"}  # texts of others that mention the number, and the notes of the books
    assert tables - export["stored"].keys() <= others
    assert {"product", "photo", "payout", "ledger_posting"} <= export["stored"].keys()
    assert export["stored"]["person"][0]["language"] == "sw"
    assert len(export["photo_files"]) == 2
    assert export["stored"]["lookup"][0]["by"].startswith("cli:")


def test_an_export_of_a_buyer_has_orders_with_addresses(embedded: Service) -> None:
    buy(embedded)
    export = json.loads(run_command(embedded.app, "export-person", JOY).output)
    (order,) = export["stored"]["order"]
    assert (order["buyer_name"], order["ship_to"]["line1"]) == (BUYER_NAME, STREET)
    assert "artisan" not in export["stored"]

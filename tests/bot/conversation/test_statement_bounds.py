"""Bounds of SQL: how many statements any hop of a call and any text takes, in a shop with many orders.

One walk over one shop goes through all dialogues, by call and by text: at each new screen it tries every useful answer,
and each hop is rolled back before the next one. What begins and ends a transaction or a savepoint is not counted.
`test_menu_hop_cost.py` counts the calls of the session store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.orm import sessionmaker

from bot.conversation import session as sessions
from bot.conversation.service import ConversationService
from bot.db.unit_of_work import Database
from bot.providers.contracts import Inbound
from flows.dialogues import ENGINE
from flows.kit import AskCode, AskDigits, AskMoney, AskPhone, AskPin, AskQuantity, Conversation
from flows.kit.state_kinds.lists import ListQuestion, Menu, PagedList
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Order, Payout
from marketplace_api.orders import briefs, orders, receiving
from marketplace_api.payments import cash_codes
from marketplace_api.shop import Shop
from marketplace_api.statuses import PayoutMethod
from state import people, tables
from state.sql_sessions import SqlSessions
from tests.actors import TESTER
from tests.marketplace.conftest import request
from tests.recorded_sql import full_scans, recorded_sql
from tests.runs import some_of
from tests.service import Service, serving

Channel = Literal["ussd", "sms"]

MENU_HOP, HOP = 12, 20
"""The most statements of a hop that only moves through menus, and of any other hop or text."""
MANY = 6
"""How many orders there are of each kind, and how many artisans share a brief."""
AMINA, AGENT, JOY, STRANGER, IN_CASH = (f"+25471100010{n}" for n in range(5))
PHONES = (AMINA, AGENT, JOY, STRANGER)
"""Of an artisan, of an agent, of a buyer and of a stranger."""
PIN = "2468"
WRONG = ("0", "98", "?")
"""What is typed at every screen of a call besides answers."""


@dataclass(frozen=True, slots=True)
class BusyShop:
    """What people can type about a shop with many orders: codes of orders and of a product, and a cash code."""

    orders: Sequence[str]
    product: str
    cash: str

    def texts(self) -> Iterator[str]:
        """A text for each keyword, and for each keyword with a code."""
        for word in [flow.keywords[0].words[0] for flow in ENGINE.flows.values() if flow.keywords]:
            yield word
            if word in ("YES", "NO", "READY", "TRACK", "RECEIVED", "DROP"):
                yield from (f"{word} {code}" for code in self.orders)
            elif word in ("PRICE", "STOCK", "REMOVE", "PHOTO"):
                yield f"{word} {self.product}" + (" 5" if word in ("PRICE", "STOCK") else "")
        yield from ("STOP", "START", "MORE", "no such word")


class _Filling:
    """Fills a shop with many orders of each kind, all of one kiosk and nearly all of one artisan."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.kiosk = kiosks.create(shop, name="Lakeside", town="Kisumu", agent_name="Otieno", agent_msisdn=AGENT)
        self.artisan = self._artisan(AMINA)

    def fill(self) -> BusyShop:
        shared, paid_in_cash = self._shared_brief(), self._artisan(IN_CASH, "kiosk_cash")
        for _ in range(MANY):
            kinds = [self._placed(), self._accepted(self.artisan), self._ready(), self._received(self.artisan)]
            kinds += [self._shipped(), self._received(paid_in_cash), self._accepted(paid_in_cash), self._brief()]
        for msisdn in (AMINA, AGENT, JOY, IN_CASH):
            people.set_language(self._shop.session.connection(), msisdn, "en", self._shop.now)
        waiting = select(Payout).where(Payout.cash_code_hash.is_not(None)).limit(1)
        cash_code = cash_codes.present(self._shop, self._shop.session.scalars(waiting).one())
        product = kinds[0].product
        assert product
        assert cash_code
        return BusyShop([order.code for order in (shared, *kinds)], product.code, cash_code)

    def _artisan(self, msisdn: str, method: PayoutMethod = "mobile_money") -> Artisan:
        return artisans.register(
            self._shop,
            name="Amina Yusuf",
            msisdn=msisdn,
            language="en",
            craft="pottery",
            kiosk_id=self.kiosk.id,
            payout_method=method,
            payout_msisdn=None,
        )

    def _placed(self, artisan: Artisan | None = None) -> Order:
        product = products.list_product(
            self._shop, artisan or self.artisan, title="Clay pot", category="pottery", price=500_00, quantity=9
        )
        return orders.place(self._shop, replace(request("key_1"), buyer_msisdn=JOY), product.id, 2)

    def _accepted(self, artisan: Artisan) -> Order:
        order = self._placed(artisan)
        orders.accept(self._shop, artisan, order.code)
        return order

    def _ready(self) -> Order:
        order = self._accepted(self.artisan)
        orders.mark_ready(self._shop, self.artisan, order.code)
        return order

    def _received(self, artisan: Artisan) -> Order:
        order = self._accepted(artisan)
        receiving.receive(self._shop, self.kiosk, order.assignments[0].id, 2)
        return order

    def _shipped(self) -> Order:
        return orders.ship(self._shop, self._received(self.artisan), "Posta", "RR1KE")

    def _brief(self) -> Order:
        due_on = self._shop.today + timedelta(days=30)
        wanted = briefs.NewBrief("Water pots", "pottery", 500_00, 100, due_on)
        return briefs.place(self._shop, replace(request("key_1"), buyer_msisdn=JOY), wanted)

    def _shared_brief(self) -> Order:
        makers = [self.artisan, *(self._artisan(f"+2547120002{n:02}") for n in range(MANY))]
        order = self._brief()
        for artisan in makers:
            orders.accept(self._shop, artisan, order.code, 2)
        return order


@dataclass
class Walk:
    """Walks through dialogues on one connection, in a transaction that is never committed."""

    conversation: ConversationService
    conn: Connection
    store: SqlSessions
    store_conn: Connection
    shop: BusyShop
    costs: dict[str, int] = field(default_factory=dict)
    """How many statements each hop took, by where it began, what was typed and where it led."""
    over_bound: dict[str, int] = field(default_factory=dict)
    statements: set[str] = field(default_factory=set)
    flows: Counter[str] = field(default_factory=Counter)
    """How many hops led into each flow."""
    _seen: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def dial(self, msisdn: str) -> None:
        """Dial, and try everything at every screen that can be reached."""
        with self._undone():
            self._hop("ussd", msisdn, "", None)
            self._try_all_answers("ussd", msisdn)

    def text(self, msisdn: str, body: str) -> None:
        """Send a text, and try everything at every question that can be reached."""
        with self._undone():
            if self._hop("sms", msisdn, body, None):
                self._try_all_answers("sms", msisdn)

    def text_everything(self, msisdns: Sequence[str]) -> None:
        """Send every text from each of these phones."""
        for msisdn in msisdns:
            for body in self.shop.texts():
                self.text(msisdn, body)

    def _try_all_answers(self, channel: Channel, msisdn: str, *typed: str) -> None:
        before = self._state(channel, msisdn)
        if before.over:
            return
        for answer in [*self._answers(before), *(WRONG if channel == "ussd" else ())]:
            with self._undone():
                body = "*".join([*typed, answer]) if channel == "ussd" else answer
                if self._hop(channel, msisdn, body, before):
                    self._try_all_answers(channel, msisdn, *typed, answer)

    def _hop(self, channel: Channel, msisdn: str, body: str, before: Conversation | None) -> bool:
        """Make a hop and count its statements; True if it led to a new screen."""
        id = f"call-{msisdn}" if channel == "ussd" else f"text-{next(self._numbers)}"
        hop = Inbound(channel, "africastalking", id, msisdn, "*384*22#", body)
        with recorded_sql(self.conn.engine) as executed:
            _ = self.conversation.ussd(hop) if channel == "ussd" else self.conversation.sms(hop)  # type: ignore[func-returns-value]
        statements = [statement for statement in executed if "SAVEPOINT" not in statement]
        self.statements.update(statements)
        after = self._state(channel, msisdn)
        place = f"{after.flow}.{after.state} {after.side_prompt}"
        self.flows[after.flow] += 1
        self._record(f"{channel} {before and before.state} > {body} > {place}", len(statements), before, after)
        is_new = f"{msisdn} {channel} {place}" not in self._seen
        self._seen.add(f"{msisdn} {channel} {place}")
        return is_new

    def _record(self, hop: str, statements: int, before: Conversation | None, after: Conversation) -> None:
        bound = HOP
        if hop.startswith("ussd") and after.commands_done == (before.commands_done if before else 0):
            bound = MENU_HOP
        self.costs[hop] = statements
        if statements > bound:
            self.over_bound[hop] = statements

    def _answers(self, conversation: Conversation) -> Sequence[str]:
        match ENGINE.state(conversation):
            case PagedList():
                last = len(conversation.choices)
                answers = [str(number) for number in {1, 2, last // 2, last - 1, last} if 0 < number <= last]
            case Menu(lines=lines):
                answers = [str(number) for number, _ in enumerate(lines, 1)]
            case ListQuestion():
                answers = ["1", "2"]
            case AskMoney():
                answers = ["1500"]
            case AskQuantity():
                answers = ["1", "2", "99999"]
            case AskCode():
                answers = [*self.shop.orders, "Z9Z9"]
            case AskPin():
                answers = [PIN, "1357"]
            case AskDigits():
                answers = [self.shop.cash, "000000"]
            case AskPhone():
                answers = [AMINA, "0712000201"]
            case _:
                answers = ["Kiondo basket"]
        return answers

    def _state(self, channel: Channel, msisdn: str) -> Conversation:
        stored = sessions.read(self.store.load(msisdn, 0))
        conversation = stored and (stored.by_call if channel == "ussd" else stored.by_text)
        return conversation or Conversation("none", over=True)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """What happens in the block is rolled back, in the database and in the session store."""
        rows = [dict(row) for row in self.store_conn.execute(text("SELECT * FROM session")).mappings()]
        savepoint = self.conn.begin_nested()
        try:
            yield
        finally:
            savepoint.rollback()
            self.store_conn.execute(tables.session.delete())
            if rows:
                self.store_conn.execute(tables.session.insert(), rows)


@contextmanager
def walking(service: Service, folder: Path) -> Iterator[Walk]:
    """A walk over a busy shop. Sessions are in a database of their own, since a transaction of the other stays open."""
    services = service.services
    with services.database.writing.begin() as db:
        busy = _Filling(services.shop(db, TESTER)).fill()
    url = f"sqlite:///{folder}/sessions.db"
    store_engine, store = create_engine(url, isolation_level="AUTOCOMMIT"), SqlSessions(url)
    tables.metadata.create_all(store_engine, [tables.session])
    with services.engine.connect() as conn, store_engine.connect() as store_conn:
        conn.begin()
        joined = sessionmaker(conn, join_transaction_mode="create_savepoint", expire_on_commit=False)
        resources = replace(services.conversation.resources, sessions=store, database=Database(joined, joined))
        yield Walk(ConversationService(services.conversation.runner, resources), conn, store, store_conn, busy)
    store.close()
    store_engine.dispose()


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk after everybody has called and texted."""
    folder = tmp_path_factory.mktemp("walk")
    with serving(folder) as service, walking(service, folder) as walk:
        for msisdn in PHONES:
            walk.dial(msisdn)
        walk.text_everything(PHONES)
        yield walk


def test_the_walk_goes_through_every_flow(walk: Walk) -> None:
    assert set(ENGINE.flows) - set(walk.flows) == {"noted"}, "the last is for a shop that cannot be reached"
    assert len(walk.costs) > 500


def test_no_hop_takes_more_statements_than_its_bound(walk: Walk) -> None:
    assert walk.over_bound == {}


def test_no_text_takes_more_statements_than_its_bound_on_postgresql(migrated_postgres_url: str, tmp_path: Path) -> None:
    """Here locks are statements of their own. A call takes fewer than the text that does the same.

    A usual run texts from two of the phones, from others with another seed.
    """
    with serving(tmp_path, database_url=migrated_postgres_url) as service, walking(service, tmp_path) as walk:
        walk.text_everything(some_of(PHONES, least=2))

    assert walk.over_bound == {}
    assert len(walk.costs) > 100


KIOSKS = (["SCAN kiosk"], ["SCAN kiosk USING INDEX ix_kiosk_town"])
"""How SQLite lists all kiosks, in the order of their towns."""


def test_no_hop_reads_a_whole_table(walk: Walk) -> None:
    """Otherwise it would take longer with every order. Only the kiosks are listed as a whole."""
    scans = full_scans(walk.conn, walk.statements)

    assert {statement: steps for statement, steps in scans.items() if steps not in KIOSKS} == {}
    assert len(walk.statements) > 50

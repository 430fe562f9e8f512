"""A shop with one kiosk, one artisan and one product, and clients of the API with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from flows import msisdn
from flows.reading.unsafe_text import OUR_NAME, is_unsafe
from marketplace_api.accounts import api_keys, artisans
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Assignment, Event, Kiosk, Order, Product
from marketplace_api.orders import orders, receiving
from marketplace_api.orders.orders import NewOrder
from marketplace_api.rest.app import MarketplaceApi, create_api
from marketplace_api.schemas.orders import Address
from marketplace_api.shop import Ids, Shop, Terms
from marketplace_api.statuses import Scope
from tests.actors import TESTER
from tests.compiled import share_routes
from tests.databases import engine_for

share_routes()

TERMS = Terms(
    parse_msisdn=partial(msisdn.parse, country="KE"),
    currency="KES",
    commission_percent=10,
    zone=ZoneInfo("Africa/Nairobi"),
    photos_url="https://soko.example/photos",
    payout_network="M-PESA",
    can_be_paid=partial(msisdn.is_mobile_of, country="KE"),
    is_unsafe=partial(is_unsafe, names=OUR_NAME),
    languages=("en", "sw"),
    collectors={"mpesa": "simulator", "card": "simulator"},
    code_keys=(b"key of the codes for cash",),
)
STATIC_KEY = "a-key-that-is-in-no-table"
NO_ADDRESS_LINES: dict[str, Any] = {"line2": None, "region": None, "postal_code": None}
ADDRESS = {"name": "Ann Li", "line1": "1 High St", "city": "Leeds", "country": "GB"}


@dataclass
class ShopDatabase:
    """The shop's database, its clock and its source of ids."""

    engine: Engine
    ids: Ids = field(default_factory=lambda: Ids(Random(22384)))
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def open(self) -> Iterator[Shop]:
        """The shop in one transaction, which is committed at the end."""
        with self.sessions.begin() as session:
            yield self.shop(session)

    def shop(self, session: Session) -> Shop:
        return Shop(session, self.now, self.ids, TERMS, TESTER)

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Sample:
    """The kiosk, artisan and product that the tests begin with."""

    kiosk: Kiosk
    artisan: Artisan
    product: Product


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[ShopDatabase]:
    """An empty shop, on SQLite and again on PostgreSQL."""
    yield from _database(migrated_database_url)


@pytest.fixture
def sqlite_database(migrated_sqlite_url: str) -> Iterator[ShopDatabase]:
    yield from _database(migrated_sqlite_url)


@pytest.fixture
def postgres_database(migrated_postgres_url: str) -> Iterator[ShopDatabase]:
    yield from _database(migrated_postgres_url)


def _database(url: str) -> Iterator[ShopDatabase]:
    engine = engine_for(url)
    yield ShopDatabase(engine)
    engine.dispose()


@pytest.fixture
def sample(database: ShopDatabase) -> Sample:
    return seed_sample(database)


def seed_sample(database: ShopDatabase) -> Sample:
    """Amina, paid by mobile money, sells three baskets at 1,500 shillings; Juma is the agent of the kiosk."""
    with database.open() as shop:
        kiosk = kiosks.create(shop, name="Soko Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
        artisan = register(shop, kiosk, "+254712345678")
        product = products.list_product(
            shop, artisan, title="Kiondo basket", category="baskets", price=150_000, quantity=3
        )
    return Sample(kiosk, artisan, product)


def register(shop: Shop, kiosk: Kiosk, msisdn: str, **other: Any) -> Artisan:
    defaults = {
        "name": "Amina",
        "language": "sw",
        "craft": "baskets",
        "payout_method": "mobile_money",
        "payout_msisdn": None,
    }
    return artisans.register(shop, msisdn=msisdn, kiosk_id=kiosk.id, **defaults | other)


def request(caller: str = "window") -> NewOrder:
    """An order of Ann in Leeds, before it is stored."""
    return NewOrder("Ann", "+447400123456", "en", Address(**NO_ADDRESS_LINES | ADDRESS), caller)


def place(shop: Shop, product: Product, quantity: int = 3, caller: str = "window") -> Order:
    return orders.place(shop, request(caller), product.id, quantity)


def recorded(shop: Shop) -> Sequence[Event]:
    """All events in their order, also those of this transaction, which a cursor does not read yet."""
    return shop.session.scalars(select(Event).order_by(Event.xid, Event.seq)).all()


def bring(shop: Shop, kiosk: Kiosk, order: Order, count: int, **details: Any) -> Assignment:
    """Receive `count` pieces of the order's first accepted part, or if it has none of its first part."""
    parts = sorted(order.assignments, key=lambda part: part.status != "accepted")
    return receiving.receive(shop, kiosk, parts[0].id, count, **details)


@pytest.fixture
def api(database: ShopDatabase) -> MarketplaceApi:
    return build_api(database)


def build_api(database: ShopDatabase) -> MarketplaceApi:
    return create_api(
        sessions=database.sessions,
        clock=lambda: database.now,
        ids=database.ids,
        terms=TERMS,
        static_keys={STATIC_KEY: ApiCaller("house", frozenset({"operator"}), "house")},
    )


@pytest.fixture
def anonymous(api: MarketplaceApi) -> FlaskClient:
    """A client without a key."""
    return api.test_client()


@pytest.fixture
def operator(api: MarketplaceApi, database: ShopDatabase) -> FlaskClient:
    return client(api, database, "operator")


@pytest.fixture
def storefront(api: MarketplaceApi, database: ShopDatabase) -> FlaskClient:
    return client(api, database, "storefront")


def client(api: MarketplaceApi, database: ShopDatabase, *scopes: Scope) -> FlaskClient:
    """A client with a key of its own."""
    with database.open() as shop:
        key = api_keys.create(shop, f"a {' and '.join(scopes)}", *scopes)
    made = api.test_client()
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return made


def key_id(database: ShopDatabase, made: FlaskClient) -> str:
    """The id of the key of a client."""
    key = made.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    with database.open() as shop:
        caller = api_keys.find(shop.session, key, shop.now)
    assert caller
    return caller.id


def order_body(product: Product, quantity: int = 1, **other: Any) -> dict[str, Any]:
    """What a storefront posts to `/orders`."""
    return {
        "product_id": product.id,
        "quantity": quantity,
        "buyer": {"name": "Ann", "phone": "+447400123456", "locale": "en"},
        "ship_to": dict(ADDRESS),
        **other,
    }

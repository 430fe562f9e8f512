"""The rooms joined: everything that web processes and workers share, made once a process."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import HopResources
from bot.conversation.service import ConversationService
from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from bot.marketplace.event_details import EventDetails
from bot.marketplace.local import LocalMarketplace
from bot.marketplace.port import Marketplace
from bot.marketplace.remote import MarketplaceClient, RemoteMarketplace
from bot.messaging import rendering
from bot.notifications import notifier
from bot.notifications.notifier import Notifier
from bot.payments import payouts
from bot.payments.payouts import PayoutCallbacks
from bot.photos.links import PhotoLinks
from bot.photos.store import PhotoStore
from bot.providers import registry
from bot.runtime.clock import Clock, MovableClock, system_clock
from bot.runtime.settings import Settings
from flows import msisdn
from flows.dialogues import ENGINE
from flows.kit import Place
from marketplace_api.models import Event
from marketplace_api.shop import Ids, Shop, Terms
from state.redis_sessions import RedisSessions
from state.sessions import Sessions
from state.sql_sessions import SqlSessions

VAR = Path(__file__).parents[1] / "var"


@dataclass(frozen=True, slots=True)
class Services:
    """One shop, open in this process."""

    settings: Settings
    engine: Engine
    database: Database
    clock: Clock
    ids: Ids
    terms: Terms
    sessions: Sessions
    conversation: ConversationService
    marketplace: Marketplace
    event_consumer: EventConsumer[EventDetails]
    payout_consumer: EventConsumer[Event] | None
    """None where the marketplace is elsewhere: it pays by itself."""
    photo_store: PhotoStore
    photo_links: PhotoLinks
    payout_callbacks: PayoutCallbacks

    def close(self) -> None:
        """Lets go of every connection."""
        self.sessions.close()
        self.engine.dispose()

    def shop(self, session: Session) -> Shop:
        return Shop(session, self.clock(), self.ids, self.terms)


def build(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> Services:
    """Joins the rooms. Nothing is opened yet: connections are made when the first is needed."""
    engine = create_engine(settings.database_url)
    database = Database(
        reading=sessionmaker(engine.execution_options(read_only=True), expire_on_commit=False),
        writing=sessionmaker(engine, expire_on_commit=False),
    )
    now = clock or (MovableClock.of(settings.database_url, VAR) if settings.development else system_clock)
    chance = ids or Ids(secrets.SystemRandom())
    zone, photos_url = ZoneInfo(settings.timezone), f"{settings.url}/photos"
    terms = Terms(
        parse_msisdn=partial(msisdn.parse, country=settings.country),
        currency=settings.currency,
        commission_percent=settings.commission_percent,
        zone=zone,
        photos_url=photos_url,
    )
    sessions = RedisSessions(settings.redis_url) if settings.redis_url else SqlSessions(settings.database_url)
    place = Place(
        settings.country,
        settings.currency,
        rendering.language_names(settings.languages),
        settings.ussd_code,
        settings.sms_short_code,
    )
    secret = hashlib.sha256(settings.secret_key.encode()).digest()
    links = PhotoLinks(settings.url, secret)
    own_numbers = registry.own_numbers(settings) | {settings.sms_short_code}
    marketplace = _marketplace(settings, LocalMarketplace(database, chance, terms, links.link), now)
    conversation = ConversationService(
        DialogueRunner(ENGINE, place, secret), HopResources(sessions, database, now, chance, marketplace), own_numbers
    )
    announcements = Notifier(
        now,
        chance,
        settings.languages,
        settings.ussd_code,
        is_on=settings.announce == "on",
    )
    event_consumer = EventConsumer(
        _place(settings),
        lambda after, limit: [(event.seq, event) for event in marketplace.events(after, limit, now())],
        announcements.handle,
        database,
        lambda: marketplace.newest_event(now()),
    )
    photo_store = PhotoStore(Path(settings.photos_dir), database, now, chance, terms)
    payout_callbacks = PayoutCallbacks(database, now, chance, terms)

    def open_shop(session: Session) -> Shop:
        return Shop(session, now(), chance, terms)

    payout_consumer = payouts.consumer(database, open_shop) if marketplace.is_local else None
    return Services(
        settings,
        engine,
        database,
        now,
        chance,
        terms,
        sessions,
        conversation,
        marketplace,
        event_consumer,
        payout_consumer,
        photo_store,
        links,
        payout_callbacks,
    )


def _marketplace(settings: Settings, own: LocalMarketplace, clock: Clock) -> Marketplace:
    if settings.marketplace_api is None:
        return own
    return RemoteMarketplace(MarketplaceClient(settings.marketplace_api, settings.marketplace_api_key or "", clock))


def _place(settings: Settings) -> str:
    """How far a marketplace was followed is kept for each by itself."""
    return f"{notifier.CURSOR} of {settings.marketplace_api}" if settings.marketplace_api else notifier.CURSOR

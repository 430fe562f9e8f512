"""The services that the web process, the worker and the commands use, built once in each process from the settings."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.conversation.callers import CallerReader
from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import HopResources
from bot.conversation.hop_counts import HopCounts
from bot.conversation.service import ConversationService
from bot.db.engine import create_engine
from bot.db.replica import LateReads
from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from bot.marketplace.event_details import EventDetails
from bot.marketplace.local import LocalMarketplace
from bot.marketplace.port import Marketplace
from bot.messaging import rendering
from bot.messaging.sealing import Seal
from bot.notifications import notifier
from bot.notifications.notifier import Notifier
from bot.payments import collections, payouts
from bot.payments.collector_callbacks import CollectorCallbacks, PayerCallbacks
from bot.payments.payouts import PayoutCallbacks
from bot.payments.queueing import OwnShop
from bot.photos.links import PhotoLinks
from bot.photos.store import PhotoStore
from bot.providers import registry
from bot.runtime.clock import Clock, MovableClock, system_clock
from bot.runtime.keys import Keys, Purpose
from bot.runtime.settings import Settings
from flows import msisdn
from flows.dialogues import ENGINE
from flows.kit import Place
from flows.reading import unsafe_text
from marketplace_api.actors import Actor
from marketplace_api.models import Event
from marketplace_api.shop import Deadlines, Ids, OpenShop, Shop, Terms
from state.pins import Peppers
from state.sessions import Sessions
from state.sql_sessions import SqlSessions

VAR = Path(__file__).parents[1] / "var"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All services of one process. Entry points pass to each package the services that it needs."""

    settings: Settings
    engine: Engine
    database: Database
    reads: LateReads
    replica: Engine | None
    clock: Clock
    ids: Ids
    terms: Terms
    sessions: Sessions
    conversation: ConversationService
    marketplace: Marketplace
    notification_consumer: EventConsumer[EventDetails]
    payout_consumer: EventConsumer[Event] | None
    """None with a remote marketplace: it pays its artisans itself."""
    collection_consumer: EventConsumer[Event] | None
    """None with a remote marketplace: its buyers pay it."""
    photo_store: PhotoStore
    photo_links: PhotoLinks
    seal: Seal
    payout_callbacks: PayoutCallbacks
    payer_callbacks: PayerCallbacks
    collector_callbacks: CollectorCallbacks
    collecting: OwnShop
    """Our own shop, in which jobs and callbacks of collectors act."""

    def close(self) -> None:
        """Close all connections."""
        self.sessions.close()
        if callers := self.conversation.resources.callers:
            callers.close()
        self.engine.dispose()
        if self.replica:
            self.replica.dispose()

    def shop(self, session: Session, by: Actor) -> Shop:
        """Our own shop in the transaction of a session, at the present time; `by` acts in it."""
        return Shop(session, self.clock(), self.ids, self.terms, by)

    def opener(self, by: Actor) -> OpenShop:
        """Opens our own shop for `by`, in the transaction of a session."""
        return partial(self.shop, by=by)


def build(
    settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None, engine: Engine | None = None
) -> Services:
    """Build all services. Each connection is opened when it is first needed.

    `engine` may be given if there is already one for the database of the settings.
    """
    clock, ids = clock or _clock(settings), ids or Ids(secrets.SystemRandom())
    engine = engine or create_engine(settings.database_url)
    seal = Seal(settings.keys.accepted(Purpose.CODES))
    database, terms = Database.of(engine), _terms(settings)
    replica = create_engine(settings.database_replica_url) if settings.database_replica_url else None
    photo_links = PhotoLinks(settings.url, settings.keys.accepted(Purpose.PHOTO_LINKS))
    sessions = _sessions(settings)
    marketplace = _marketplace(settings, LocalMarketplace(database, ids, terms, photo_links.link), database, clock)
    own_numbers = registry.own_numbers(settings) | {settings.sms_short_code}
    collecting = OwnShop(database, lambda session: Shop(session, clock(), ids, terms, collections.ACTOR))
    payout_callbacks = PayoutCallbacks(database, clock, ids, terms)
    counts = HopCounts(database, clock)
    callers = CallerReader(settings.database_url) if marketplace.is_local else None
    resources = HopResources(sessions, database, clock, ids, marketplace, callers=callers)
    return Services(
        settings=settings,
        engine=engine,
        database=database,
        reads=LateReads(database, replica),
        replica=replica,
        clock=clock,
        ids=ids,
        terms=terms,
        sessions=sessions,
        conversation=ConversationService(_runner(settings, seal, counts), resources, own_numbers),
        marketplace=marketplace,
        notification_consumer=_notification_consumer(settings, marketplace, database, clock, ids, seal),
        payout_consumer=_payout_consumer(database, clock, ids, terms) if marketplace.is_local else None,
        collection_consumer=collections.consumer(collecting) if marketplace.is_local else None,
        photo_store=PhotoStore(Path(settings.photos_dir), database, clock, ids, terms),
        photo_links=photo_links,
        seal=seal,
        payout_callbacks=payout_callbacks,
        payer_callbacks=PayerCallbacks(collecting, payout_callbacks),
        collector_callbacks=CollectorCallbacks(collecting),
        collecting=collecting,
    )


def _sessions(settings: Settings) -> Sessions:
    if not settings.redis_url:
        return SqlSessions(settings.database_url)
    # imported here: redis-py takes time to import, and without Redis nothing needs it
    from state import redis_clients

    return redis_clients.sessions(settings.redis_url)


def _clock(settings: Settings) -> Clock:
    """The system clock; in development one that can be moved forward."""
    return MovableClock.of(settings.database_url, VAR) if settings.development else system_clock


def _terms(settings: Settings) -> Terms:
    wallet = registry.wallet(settings)
    return Terms(
        parse_msisdn=partial(msisdn.parse, country=settings.country),
        currency=settings.currency,
        commission_percent=settings.commission_percent,
        zone=ZoneInfo(settings.timezone),
        photos_url=f"{settings.url}/photos",
        payout_network=wallet.network,
        can_be_paid=partial(msisdn.is_mobile_of, country=wallet.country),
        is_unsafe=partial(unsafe_text.is_unsafe, names=_senders(settings)),
        hold_above=_minor_units(settings, settings.hold_above),
        hold_first=settings.hold_first,
        payout_day_cap=settings.payout_day_cap and _minor_units(settings, settings.payout_day_cap),
        code_keys=settings.keys.accepted(Purpose.CODES),
        languages=settings.languages,
        deadlines=Deadlines(
            bring=timedelta(days=settings.bring_days),
            ship=timedelta(days=settings.ship_days),
            ask=timedelta(days=settings.ask_delivery_days),
            close=timedelta(days=settings.close_delivery_days),
        ),
        collectors=registry.collectors_by_method(settings),
        paybill=registry.paybill(settings),
    )


def _minor_units(settings: Settings, whole: int) -> int:
    """Whole money of the shop's currency in its minor units."""
    return int(whole * 10 ** get_currency_precision(settings.currency))


def _senders(settings: Settings) -> tuple[str, ...]:
    """The names and numbers that our texts come from."""
    return (*unsafe_text.OUR_NAME, settings.sms_short_code, *sorted(registry.own_numbers(settings)))


def _runner(settings: Settings, seal: Seal, counts: HopCounts) -> DialogueRunner:
    wallet = registry.wallet(settings)
    place = Place(
        settings.country,
        settings.currency,
        rendering.language_names(settings.languages),
        settings.ussd_code,
        settings.sms_short_code,
        wallet.network,
        wallet.country,
        msisdn.prefix(wallet.country),
        _senders(settings),
    )
    return DialogueRunner(ENGINE, place, peppers(settings.keys), settings.keys.accepted(Purpose.HOPS), seal, counts)


def peppers(keys: Keys) -> Peppers:
    """The peppers of PINs."""
    return Peppers(keys.derived(Purpose.PINS), keys.plain(Purpose.PINS))


def _marketplace(settings: Settings, local: LocalMarketplace, database: Database, clock: Clock) -> Marketplace:
    if settings.marketplace_api is None:
        return local
    # imported here: it needs `requests`, which takes time to import
    from bot.marketplace.remote import MarketplaceClient, RemoteMarketplace

    client = MarketplaceClient(settings.marketplace_api, settings.marketplace_api_key or "", clock)
    return RemoteMarketplace(client, database)


def _notification_consumer(
    settings: Settings, marketplace: Marketplace, database: Database, clock: Clock, ids: Ids, seal: Seal
) -> EventConsumer[EventDetails]:
    """The consumer that notifies people. Each remote marketplace has its own cursor."""
    suffix = f" of {settings.marketplace_api}" if settings.marketplace_api else ""
    is_on = settings.announce == "on"
    return EventConsumer(
        f"{notifier.CURSOR}{suffix}",
        lambda after, limit: [(event.seq, event) for event in marketplace.events(after, limit, clock())],
        Notifier(
            clock,
            ids,
            settings.languages,
            settings.ussd_code,
            settings.country,
            seal,
            f"{settings.url}/privacy",
            is_on,
        ).handle,
        database,
        lambda: marketplace.newest_event(clock()),
    )


def _payout_consumer(database: Database, clock: Clock, ids: Ids, terms: Terms) -> EventConsumer[Event]:
    return payouts.consumer(OwnShop(database, lambda session: Shop(session, clock(), ids, terms, payouts.ACTOR)))

"""Broadcasts: the same text for many artisans, added to the outbox in chunks.

Each chunk is one transaction, together with the job for the next chunk. The key of a message names the broadcast and
the artisan, so a chunk that is repeated after a crash adds no message twice.

A broadcast that was stopped adds no chunk, and the dispatcher suppresses its messages when they are due. So nothing of
it leaves but what a worker has claimed already (docs/adr/0069).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Select, func, select

from bot.db.unit_of_work import Database
from bot.messaging import queue, rendering
from bot.messaging.queue import NewMessage, Priority
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Kiosk
from marketplace_api.shop import OpenShop, Shop
from state import broadcasts, outbox, people
from state.broadcasts import BroadcastRecord
from state.outbox import Job
from state.people import Refusals

KIND = "broadcast"
"""The kind of the outbox jobs that add messages."""
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Audience:
    """Which active artisans get a broadcast; a field that is None restricts nothing."""

    craft: str | None = None
    kiosk_id: str | None = None
    town: str | None = None
    language: str | None = None

    def artisans(self) -> Select[Artisan]:
        wanted = {Artisan.craft: self.craft, Artisan.kiosk_id: self.kiosk_id, Artisan.language: self.language}
        found = select(Artisan).where(Artisan.status == "active")
        found = found.where(*[column == value for column, value in wanted.items() if value is not None])
        return found if self.town is None else found.where(Artisan.kiosk.has(Kiosk.town == self.town))


def choices(shop: Shop) -> Mapping[str, Mapping[str, str]]:
    """What each field of an audience can be, in this shop: the values, with the words for them."""
    all_kiosks = kiosks.list_all(shop)
    return {
        "craft": {craft: craft for craft in CATEGORIES},
        "kiosk_id": {kiosk.id: f"{kiosk.name}, {kiosk.town}" for kiosk in all_kiosks},
        "town": {town: town for town in sorted({kiosk.town for kiosk in all_kiosks})},
        "language": dict(rendering.language_names(shop.terms.languages)),
    }


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a broadcast would be for now: people by language, and how many of them refuse it."""

    by_language: Mapping[str, int]
    refusals: Refusals

    @property
    def people(self) -> int:
        return sum(self.by_language.values())


def reach(shop: Shop, audience: Audience) -> Reach:
    """Count the people of an audience, and those who do not get broadcasts."""
    found = audience.artisans().subquery()
    counts = select(found.c.language, func.count()).group_by(found.c.language).order_by(found.c.language)
    refusals = people.count_refusals(shop.session.connection(), select(found.c.msisdn))
    return Reach(dict(shop.session.execute(counts).all()), refusals)


def start(shop: Shop, body: str, audience: Audience, id: str | None = None) -> tuple[str, int]:
    """Queue a broadcast, which starts after the commit; returns its id and the present number of its artisans.

    One whose `id` was started before is not started again. Opt-outs and quiet hours are checked when each message is
    sent.
    """
    id = id or shop.ids.new_id("bct")
    count = shop.session.scalar(select(func.count()).select_from(audience.artisans().subquery())) or 0
    if broadcasts.add(
        shop.session.connection(), BroadcastRecord(id, body, asdict(audience), count, str(shop.by), created_at=shop.now)
    ):
        _add_job(shop, id, body, audience, after="")
    return id, count


def stop(shop: Shop, id: str) -> bool:
    """Stop a broadcast for ever. False if there is none with this id, or it was stopped before."""
    return broadcasts.stop(shop.session.connection(), id, shop.now)


@dataclass(frozen=True, slots=True)
class BroadcastJob:
    """The handler of broadcast jobs: queues the next chunk of messages, and the job for the chunk after it."""

    database: Database
    open_shop: OpenShop

    def __call__(self, job: Job) -> None:
        id, body, audience = job.payload["id"], job.payload["text"], Audience(**job.payload["audience"])
        with self.database.writing.begin() as session:
            shop, conn = self.open_shop(session), session.connection()
            if broadcasts.stopped(conn, [id]):
                outbox.finish(conn, job, now=shop.now)
                return
            page = audience.artisans().where(Artisan.id > job.payload["after"]).order_by(Artisan.id).limit(CHUNK)
            artisans = list(session.scalars(page))
            for artisan in artisans:
                queue.add(conn, _message(id, body, artisan), shop.ids.new_id("msg"), shop.now)
            if len(artisans) == CHUNK:
                _add_job(shop, id, body, audience, after=artisans[-1].id)
            else:
                broadcasts.note_queued(conn, id, shop.now)
            outbox.finish(conn, job, now=shop.now)


def _add_job(shop: Shop, id: str, body: str, audience: Audience, after: str) -> None:
    outbox.add(
        shop.session.connection(),
        kind=KIND,
        payload={"id": id, "text": body, "audience": asdict(audience), "after": after},
        key=f"{id}:after:{after}",
        ordering_key=None,
        priority=Priority.BROADCAST,
        due_at=shop.now,
        now=shop.now,
    )


def _message(id: str, body: str, artisan: Artisan) -> NewMessage:
    key = f"{id}:{artisan.id}"
    return NewMessage(key, artisan.msisdn, body, artisan.language, "broadcast", about=id, priority=Priority.BROADCAST)

"""Broadcasts: the same text for many artisans, added to the outbox in chunks.

Each chunk is one transaction, together with the job for the next chunk. The key of a message names the broadcast and
the artisan, so a chunk that is repeated after a crash adds no message twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Select, func, select

from bot.db.unit_of_work import Database
from bot.messaging import queue
from bot.messaging.queue import NewMessage, Priority
from marketplace_api.models import Artisan, Kiosk
from marketplace_api.shop import OpenShop, Shop
from state import outbox
from state.outbox import Job

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


def start(shop: Shop, body: str, audience: Audience) -> tuple[str, int]:
    """Queue a broadcast, which starts after the commit; returns its id and the present number of its artisans.

    Opt-outs and quiet hours are checked when each message is sent.
    """
    id = shop.ids.new_id("bct")
    count = shop.session.scalar(select(func.count()).select_from(audience.artisans().subquery())) or 0
    _add_job(shop, id, body, audience, after="")
    return id, count


@dataclass(frozen=True, slots=True)
class BroadcastJob:
    """The handler of broadcast jobs: queues the next chunk of messages, and the job for the chunk after it."""

    database: Database
    open_shop: OpenShop

    def __call__(self, job: Job) -> None:
        id, body, audience = job.payload["id"], job.payload["text"], Audience(**job.payload["audience"])
        with self.database.writing.begin() as session:
            shop = self.open_shop(session)
            page = audience.artisans().where(Artisan.id > job.payload["after"]).order_by(Artisan.id).limit(CHUNK)
            artisans = list(session.scalars(page))
            for artisan in artisans:
                queue.add(session.connection(), _message(id, body, artisan), shop.ids.new_id("msg"), shop.now)
            if len(artisans) == CHUNK:
                _add_job(shop, id, body, audience, after=artisans[-1].id)
            outbox.finish(session.connection(), job, now=shop.now)


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

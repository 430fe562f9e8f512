"""The same words for many artisans: written down chunk by chunk, each in one transaction with the job for the next.

Texts are keyed by broadcast and artisan, so whoever comes after a worker that died repeats none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Select, func, select

from bot.messaging import queue
from bot.messaging.queue import BROADCAST, NewMessage
from bot.services import Services
from marketplace_api.models import Artisan, Kiosk
from marketplace_api.shop import Shop
from state import outbox
from state.outbox import Job

KIND = TOPIC = "broadcast"
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Audience:
    """Which artisans; None leaves a question open. Who has left Soko is never among them."""

    craft: str | None = None
    kiosk_id: str | None = None
    town: str | None = None
    language: str | None = None

    def artisans(self) -> Select[Artisan]:
        asked = {Artisan.craft: self.craft, Artisan.kiosk_id: self.kiosk_id, Artisan.language: self.language}
        found = select(Artisan).where(Artisan.status == "active")
        found = found.where(*[column == wanted for column, wanted in asked.items() if wanted is not None])
        return found if self.town is None else found.where(Artisan.kiosk.has(Kiosk.town == self.town))


def start(shop: Shop, body: str, audience: Audience) -> tuple[str, int]:
    """Lets a broadcast begin once the transaction is committed; its id, and how many artisans it is for now.

    Opt-outs and quiet hours are heeded as each text leaves.
    """
    id = shop.ids.new_id("bct")
    count = shop.session.scalar(select(func.count()).select_from(audience.artisans().subquery())) or 0
    _go_on(shop, id, body, audience, after="")
    return id, count


def add_next_messages(services: Services, job: Job) -> None:
    """Writes the next texts of a broadcast, and the job that goes on from there."""
    id, body, audience = job.payload["id"], job.payload["text"], Audience(**job.payload["audience"])
    with services.database.writing.begin() as session:
        shop = services.shop(session)
        page = audience.artisans().where(Artisan.id > job.payload["after"]).order_by(Artisan.id).limit(CHUNK)
        artisans = list(session.scalars(page))
        for artisan in artisans:
            queue.add(session.connection(), _text(id, body, artisan), services.ids.new_id("msg"), shop.now)
        if len(artisans) == CHUNK:
            _go_on(shop, id, body, audience, after=artisans[-1].id)
        outbox.finish(session.connection(), job, now=shop.now)


def _go_on(shop: Shop, id: str, body: str, audience: Audience, after: str) -> None:
    conn: Connection = shop.session.connection()
    outbox.add(
        conn,
        kind=KIND,
        payload={"id": id, "text": body, "audience": asdict(audience), "after": after},
        key=f"{id}:after:{after}",
        ordering_key=None,
        priority=BROADCAST,
        due_at=shop.now,
        now=shop.now,
    )


def _text(id: str, body: str, artisan: Artisan) -> NewMessage:
    key = f"{id}:{artisan.id}"
    return NewMessage(key, artisan.msisdn, body, artisan.language, TOPIC, about=id, priority=BROADCAST)

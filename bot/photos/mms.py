"""Pictures that come with a message: which product they show, and how they get into the gallery.

The message is answered when its pictures are in, or cannot be: they wait in the outbox until a worker has fetched
them from the provider, since a webhook must not wait for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bot.db.unit_of_work import Database
from bot.messaging import queue as outbound
from bot.messaging import rendering
from bot.messaging.queue import REPLY, NewMessage
from bot.photos import images
from bot.photos.images import Unusable
from bot.photos.store import PhotoStore
from bot.providers.contracts import Inbound
from bot.providers.errors import FetchError
from bot.runtime.clock import Clock
from flows import kit
from flows.dialogues import photo, products
from flows.kit import N_, SMS, Screen, Turn, versions
from flows.reading import codes, keywords
from marketplace_api.catalogue.photos import MAX_PHOTOS
from marketplace_api.models import Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids
from state import outbox

JOB = "pictures"
FLOW = photo.flow.name
"""The one keyword that a picture goes with."""
PATIENCE = timedelta(hours=1)
"""So long a picture is asked for again while its provider cannot give it."""

WHICH = N_("Of which product is this photo? Send it again with its code, like {code}.")
THANKS = N_("Thank you. {title}, code {product}, has a new photo.", "Thank you. {product} has a new photo.")
LOST = N_("Your photo did not reach us. Please send it again.")

Fetch = Callable[[str, int], bytes]
"""Gives what lies at an address, or its beginning when that is more than so many bytes; raises FetchError."""


def shown(turn: Turn, text: str, said: Mapping[str, str]) -> str | None:
    """The code of the product of hers that a message with a picture names; `said` is what a keyword was given."""
    hers = {product.code for product in turn.market.products()}
    named = (codes.read(part) for part in (said.get("code", ""), text, *keywords.tokens(text)))
    return next((code for code in named if code in hers), None)


def which(turn: Turn) -> str:
    """What is said about a picture without a code."""
    hers = turn.market.products()
    return turn.say(WHICH, code=hers[0].code) if hers else turn.say(products.NONE)


def queue(conn: Connection, inbound: Inbound, code: str, language: str, name: str, now: datetime) -> None:
    """The pictures of a message are to be fetched; `name` is the same for every copy of it."""
    payload = {
        "urls": [media.url for media in inbound.media[:MAX_PHOTOS]],
        "code": code,
        "msisdn": inbound.msisdn,
        "channel": inbound.channel,
        "language": language,
        "about": inbound.id,
        "until": (now + PATIENCE).timestamp(),
        "reply": f"reply:{name}",
    }
    ordering_key = f"{JOB}:{inbound.msisdn}"
    outbox.add(
        conn,
        kind=JOB,
        payload=payload,
        key=f"{JOB}:{name}",
        ordering_key=ordering_key,
        due_at=now,
        now=now,
        priority=REPLY,
    )


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Brings pictures into the gallery, and tells their senders."""

    fetch: Fetch
    photo_store: PhotoStore
    database: Database
    clock: Clock
    ids: Ids

    def __call__(self, job: Mapping[str, Any]) -> None:
        """Does a job that `queue` added; done again, it changes nothing. Raises FetchError to be called again."""
        hung, refusals = self._hang(job)
        fields = {"product": job["code"], "title": hung[-1].title if hung else ""}
        self._reply(job, THANKS if hung else refusals[0], fields)

    def _hang(self, job: Mapping[str, Any]) -> tuple[Sequence[Product], Sequence[kit.Wording]]:
        """The product, once for each picture of it; and the words about those that are not in."""
        hung: list[Product] = []
        refusals: list[kit.Wording] = []
        for url in job["urls"]:
            try:
                sent = self.fetch(url, images.LARGEST_FILE)
                hung.append(self.photo_store.add(job["code"], sent).product)
            except FetchError as error:
                if error.reason.retryable and self.clock().timestamp() < job["until"]:
                    raise
                refusals.append(LOST)
            except Unusable as unusable:
                refusals.append(unusable.words)
            except Refused:
                refusals.append(products.GONE)
        return hung, refusals

    def _reply(self, job: Mapping[str, Any], said: kit.Wording, fields: Mapping[str, str]) -> None:
        words = rendering.words(job["language"])
        bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(said)]
        text = NewMessage(
            key=job["reply"],
            msisdn=job["msisdn"],
            body=Screen(bodies).render(SMS),
            language=words.language,
            topic="reply",
            about=job["about"],
            channel=job["channel"],
            priority=REPLY,
        )
        with self.database.writing.begin() as session:
            outbound.add(session.connection(), text, self.ids.new_id("msg"), self.clock())

"""Pictures that come with a message: finds the product that they show, and puts them into the photo store.

A webhook must not wait for a download. So a job in the outbox fetches the pictures from the provider. The sender is
answered when they are stored, or when it is certain that they cannot be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bot.db.unit_of_work import Database
from bot.jobs.handlers import RetryLaterError
from bot.messaging import queue as outbound
from bot.messaging import rendering
from bot.messaging.queue import NewMessage, Priority
from bot.photos import images
from bot.photos.images import UnusableImageError
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

KIND = "pictures"
FLOW = photo.flow.name
"""The only dialogue whose keyword may come with a picture."""
RETRY_FOR = timedelta(hours=1)
"""How long a fetch is repeated while the provider answers with a retryable error."""

WHICH = N_("Of which product is this photo? Send it again with its code, like {code}.")
THANKS = N_("Thank you. {title}, code {product}, has a new photo.", "Thank you. {product} has a new photo.")
NOT_FETCHED = N_("Your photo did not reach us. Please send it again.")

Fetch = Callable[[str, int], bytes]
"""Downloads a URL; stops soon after the given number of bytes. Raises FetchError."""


def named_product(turn: Turn, text: str, answers: Mapping[str, str]) -> str | None:
    """The code of the artisan's product that a message with a picture names, or None.

    `answers` are the prefilled answers of its keyword, if it has one.
    """
    own_codes = {product.code for product in turn.market.products()}
    named = (codes.read(part) for part in (answers.get("code", ""), text, *keywords.tokens(text)))
    return next((code for code in named if code in own_codes), None)


def ask_which_product(turn: Turn) -> str:
    """The answer to a picture without a code."""
    own = turn.market.products()
    return turn.say(WHICH, code=own[0].code) if own else turn.say(products.NONE)


def queue(conn: Connection, inbound: Inbound, code: str, language: str, name: str, now: datetime) -> None:
    """Add a job that fetches the pictures of a message; `name` is the same for every copy of the message."""
    payload = {
        "urls": [media.url for media in inbound.media[:MAX_PHOTOS]],
        "code": code,
        "msisdn": inbound.msisdn,
        "channel": inbound.channel,
        "language": language,
        "about": inbound.id,
        "until": (now + RETRY_FOR).timestamp(),
        "reply": f"reply:{name}",
    }
    ordering_key = f"{KIND}:{inbound.msisdn}"
    outbox.add(
        conn,
        kind=KIND,
        payload=payload,
        key=f"{KIND}:{name}",
        ordering_key=ordering_key,
        due_at=now,
        now=now,
        priority=Priority.REPLY,
    )


@dataclass(frozen=True, slots=True)
class PictureJob:
    """Fetches the pictures of a message, stores them, and answers the sender."""

    fetch: Fetch
    photo_store: PhotoStore
    database: Database
    clock: Clock
    ids: Ids

    def __call__(self, job: Mapping[str, Any]) -> None:
        """Perform a job that `queue` added; a second run changes nothing. Raises RetryLaterError."""
        stored, refusals = self._store(job)
        fields = {"product": job["code"], "title": stored[-1].title if stored else ""}
        self._reply(job, THANKS if stored else refusals[0], fields)

    def _store(self, job: Mapping[str, Any]) -> tuple[Sequence[Product], Sequence[kit.Wording]]:
        """The product, once for each stored picture, and the reason for each picture that was not stored."""
        stored: list[Product] = []
        refusals: list[kit.Wording] = []
        for url in job["urls"]:
            try:
                sent = self.fetch(url, images.LARGEST_FILE)
                stored.append(self.photo_store.add(job["code"], sent).product)
            except FetchError as error:
                if error.reason.retryable and self.clock().timestamp() < job["until"]:
                    raise RetryLaterError(error.detail, error.retry_after) from error
                refusals.append(NOT_FETCHED)
            except UnusableImageError as unusable:
                refusals.append(unusable.words)
            except Refused:
                refusals.append(products.GONE)
        return stored, refusals

    def _reply(self, job: Mapping[str, Any], answer: kit.Wording, fields: Mapping[str, str]) -> None:
        words = rendering.words(job["language"])
        bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(answer)]
        text = NewMessage(
            key=job["reply"],
            msisdn=job["msisdn"],
            text=Screen(tuple(bodies)).render(SMS),
            language=words.language,
            topic="reply",
            about=job["about"],
            channel=job["channel"],
            priority=Priority.REPLY,
        )
        with self.database.writing.begin() as session:
            outbound.add(session.connection(), text, self.ids.new_id("msg"), self.clock())

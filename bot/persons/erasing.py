"""Erases a person: the books keep their amounts, and nothing names the person any more.

1. The photos' files are deleted, so that an interrupted erasure can be run again and finds the rest.
2. One transaction: the artisan leaves; what belongs to the person is emptied; in all other rows that name the person,
   the number becomes a pseudonym and the name `(erased)`. Rows are searched before it, so that it is short.
3. The search is repeated until nothing is found; then the database gives the freed space back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, delete, exists, func, select, update
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.persons import compaction, obstacles, subject, traces
from bot.persons.pseudonyms import pseudonym
from bot.persons.scrubbing import ERASED, Scrub, without_address
from bot.persons.subject import DataSubject
from marketplace_api.accounts import artisans
from marketplace_api.models import (
    Artisan,
    ArtisanLogIn,
    ArtisanSession,
    BuyerPayment,
    Event,
    HelpRequest,
    Order,
    Payout,
    Photo,
    Product,
    ProductWord,
)
from marketplace_api.shop import OpenShop, Shop
from state.sessions import Sessions
from state.tables import consent, early_report, fence, lookup, message, outbox, performed, person

CLAIMED_FOR = timedelta(minutes=10)
"""While a person is erased, no hop of this person runs."""
ROUNDS = 5
_EVENTS = Event.metadata.tables[Event.__tablename__]


class CannotEraseError(Exception):
    """The person cannot be erased now; the message says why, in sentences."""


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases people from the database, the session store and the folder of photos. `secret` keys the pseudonyms."""

    engine: Engine
    database: Database
    sessions: Sessions
    open_shop: OpenShop
    photos_folder: Path
    secret: bytes

    def check(self, msisdn: str) -> None:
        """Raises CannotEraseError if money is owed, or if an order is open."""
        with self.database.reading() as session:
            _check(self.open_shop(session), msisdn)

    def erase(self, msisdn: str) -> None:
        """Erase the person. A second run finishes a run that was interrupted.

        Raises CannotEraseError; then no row has changed. If an order was placed during the run, the files of the
        photos are deleted nevertheless.
        """
        self.check(msisdn)
        with self.database.reading() as session:
            now = self.open_shop(session).now.timestamp()
            holder = self.open_shop(session).ids.token(20)
        lease = CLAIMED_FOR.total_seconds()
        if self.sessions.claim(msisdn, holder, now=now, lease=lease) is None:
            raise CannotEraseError("This person is calling or texting just now. Try again in a minute.")
        try:
            self._erase(msisdn)
        finally:
            self.sessions.delete(msisdn)
        compaction.compact(self.engine)

    def _erase(self, msisdn: str) -> None:
        with self.database.reading() as session:
            scrub = self._scrub(session, msisdn)
            found = traces.find(session.connection(), scrub)
        self._delete_files(scrub.subject)
        with self.database.writing.begin() as session:
            shop, last_event = self.open_shop(session), session.scalar(select(func.max(Event.seq))) or 0
            _check(shop, msisdn)
            _empty_own_rows(shop, scrub)
            traces.apply(session.connection(), found, scrub)
            own = traces.in_table(session.connection(), _EVENTS, scrub, Event.seq > last_event)
            traces.apply(session.connection(), list(own), scrub)
        self._erase_rest(scrub)
        for other in self.sessions.mentioning(scrub.mentions):
            self.sessions.delete(other)

    def _erase_rest(self, scrub: Scrub) -> None:
        """Erase what other transactions have written since the search."""
        for _ in range(ROUNDS):
            with self.database.reading() as session:
                found = traces.find(session.connection(), scrub)
            if not found:
                return
            with self.database.writing.begin() as session:
                traces.apply(session.connection(), found, scrub)
        raise CannotEraseError(f"Traces are left in {', '.join(sorted({trace.table.name for trace in found}))}.")

    def _scrub(self, session: Session, msisdn: str) -> Scrub:
        def is_taken(name: str) -> bool:
            return bool(session.scalar(select(exists().where(Artisan.msisdn == name))))

        return Scrub.of(subject.find(session, msisdn), pseudonym(self.secret, msisdn, is_taken))

    def _delete_files(self, known: DataSubject) -> None:
        """Delete the files of the photos, and in the simulator's folder the pictures from which they were made."""
        for id in known.photo_ids:
            for file in self.photos_folder.glob(f"{id}*"):
                file.unlink(missing_ok=True)
        for file in self.photos_folder.glob("*/*"):
            if file.is_file() and sha256(file.read_bytes()).hexdigest() in known.photo_digests:
                file.unlink(missing_ok=True)


def _check(shop: Shop, msisdn: str) -> None:
    if reasons := list(obstacles.find(shop, msisdn)):
        raise CannotEraseError(" ".join(reasons))


def _empty_own_rows(shop: Shop, scrub: Scrub) -> None:
    """Empty or delete what belongs to the person. What counts for sums and for the books stays."""
    _erase_artisan(shop, scrub)
    _erase_buyer(shop, scrub)
    conn, msisdn, name = shop.session.connection(), scrub.subject.msisdn, scrub.pseudonym
    texts = update(message).where(message.c.msisdn == msisdn)
    conn.execute(texts.where(message.c.status.in_(("queued", "sending"))).values(status="suppressed"))
    conn.execute(texts.values(msisdn=name, text="", error=None))
    for kept in (consent, lookup):
        conn.execute(update(kept).where(kept.c.msisdn == msisdn).values(msisdn=name))
    for owned in (early_report, fence, performed, person):
        conn.execute(delete(owned).where(owned.c.msisdn == msisdn))
    conn.execute(delete(outbox).where(outbox.c.ordering_key.endswith(msisdn, autoescape=True)))
    requests = update(HelpRequest).where(HelpRequest.msisdn == msisdn)
    shop.session.execute(requests.where(HelpRequest.closed_at.is_(None)).values(closed_at=shop.now))
    shop.session.execute(requests.values(msisdn=name, words=None))


def _erase_artisan(shop: Shop, scrub: Scrub) -> None:
    artisan = artisans.by_msisdn_including_left(shop, scrub.subject.msisdn)
    if artisan is None:
        return
    if artisan.status == "active":
        artisans.leave(shop, artisan)
    for log_in in (ArtisanLogIn, ArtisanSession):
        shop.session.execute(delete(log_in).where(log_in.artisan_id == artisan.id))
    artisan.msisdn, artisan.name, artisan.payout_msisdn = scrub.pseudonym, ERASED, None
    session, products = shop.session, scrub.subject.product_ids
    for product in session.scalars(select(Product).where(Product.id.in_(products))):
        product.title, product.description = scrub.linked_text(product.title), ""
    session.flush()
    session.execute(delete(Photo).where(Photo.product_id.in_(products)))
    session.execute(delete(ProductWord).where(ProductWord.product_id.in_(products)))
    paid = update(Payout).where(Payout.artisan_id == artisan.id, Payout.msisdn.is_not(None))
    session.execute(paid.values(msisdn=scrub.pseudonym))


def _erase_buyer(shop: Shop, scrub: Scrub) -> None:
    for order in shop.session.scalars(select(Order).where(Order.buyer_msisdn == scrub.subject.msisdn)):
        order.buyer_name, order.buyer_msisdn = ERASED, scrub.pseudonym
        order.ship_to, order.note, order.address_erased_at = without_address(order.ship_to), None, shop.now
        order.tracking = "" if order.tracking else order.tracking
        for payment in order.payments:
            _erase_payer(payment, scrub)
    for payment in shop.session.scalars(select(BuyerPayment).where(BuyerPayment.msisdn == scrub.subject.msisdn)):
        _erase_payer(payment, scrub)
    shop.session.flush()


def _erase_payer(payment: BuyerPayment, scrub: Scrub) -> None:
    payment.name = ERASED if payment.name else None
    payment.msisdn = scrub.pseudonym if payment.msisdn else None
    payment.url = payment.return_url = None

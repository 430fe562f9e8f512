"""Who is logged in at `/me`, what its pages are made of, and which forms are theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import g, request
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.port import Marketplace
from bot.messaging import rendering
from bot.messaging.form_replies import FormReply
from bot.messaging.sealing import Seal
from bot.photos.uploads import Uploads
from bot.runtime.clock import Clock
from bot.web import preferences
from bot.web.door import Door
from bot.web.order_forms import InvalidFormError, OrderForms
from bot.web.preferences import Preferences
from flows.kit import Place
from marketplace_api.accounts import artisan_sessions
from marketplace_api.actors import Actor
from marketplace_api.shop import Ids, Shop

COOKIE = "me_session"
KEY_LENGTH = 20

SendForm = Callable[[str, str, str, str, Mapping[str, str]], FormReply]
"""Gives a dialogue its answers: by phone, language, key of the form and name of the flow."""


@dataclass(frozen=True, slots=True)
class LoggedInArtisan:
    """The artisan of a request. `language` is the code of the one in which the pages are shown."""

    id: str
    name: str
    msisdn: str
    kiosk: str
    language: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeResources:
    """What the pages take from their process. `open_shop` opens the shop in a transaction, in which somebody acts."""

    database: Database
    open_shop: Callable[[Session, Actor], Shop]
    marketplace: Marketplace
    clock: Clock
    ids: Ids
    door: Door
    forms: OrderForms
    send: SendForm
    uploads: Uploads
    photo_link: Callable[[str, datetime], str]
    seal: Seal
    place: Place

    def logged_in(self) -> LoggedInArtisan | None:
        """The artisan whose session came as a cookie; None if there is none, or it is over.

        The page is then in the artisan's language, else in that of the browser.
        """
        preferences.read([code for code, _ in self.place.languages])
        token, now = request.cookies.get(COOKIE), self.clock()
        if not token:
            return None
        with self.database.reading() as session:
            found = artisan_sessions.find_session(session, token, now)
            if found is None:
                return None
            artisan = found.artisan
            language = rendering.words_for(session.connection(), artisan.msisdn, artisan.language).language
            me = LoggedInArtisan(artisan.id, artisan.name, artisan.msisdn, artisan.kiosk.name, language, token)
        if found.seen_at <= now - artisan_sessions.SEEN_NOTED_EVERY:
            with self.database.writing.begin() as session:
                artisan_sessions.note_seen(session, found, now)
        g.preferences = Preferences(language)
        return me

    def form_token(self, me: LoggedInArtisan) -> str:
        """The token of a form for this artisan, with a key of its own."""
        return self.forms.token(_owner(me), self.ids.token(KEY_LENGTH), self.clock())

    def form_key(self, me: LoggedInArtisan) -> str:
        """The key of the form that was sent. Raises InvalidFormError if it is not one of this artisan's pages."""
        if not self.forms.is_ours(request.headers.get("Origin"), request.host):
            raise InvalidFormError
        return self.forms.key(request.form.get("token", ""), _owner(me), self.clock())


def _owner(me: LoggedInArtisan) -> str:
    """What the form is for, in place of the code of a product."""
    return f"me:{me.id}"

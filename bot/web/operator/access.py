"""Who may open which page of the console: one table, which is checked before every request.

A page that is not in the table is open to nobody. Strangers are led to the log-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from flask import abort, current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from bot.web.late_console import ConsoleResources
from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.shop import Shop
from marketplace_api.statuses import OperatorRole

COOKIE = "operator_session"
REFRESH: Final = "refresh"
"""The parameter of requests that a page makes by itself. They do not keep a session alive."""

EVERY: frozenset[OperatorRole] = frozenset({"all", "money", "desk", "read"})
DESK: frozenset[OperatorRole] = frozenset({"all", "desk"})
MONEY: frozenset[OperatorRole] = frozenset({"all", "money"})
ALL: frozenset[OperatorRole] = frozenset({"all"})
LOG: frozenset[OperatorRole] = frozenset({"all", "read"})
"""Who may look at what concerns the whole installation."""

OPEN = frozenset(
    {
        *("static", "log_in.home", "log_in.page", "log_in.with_code", "log_in.passkey_options", "log_in.with_passkey"),
        *("invitation.page", "invitation.set_codes", "invitation.passkey_options", "invitation.set_passkey"),
    }
)
"""The endpoints that strangers may open."""

MAY: Mapping[str, frozenset[OperatorRole]] = {
    "log_in.leave": EVERY,
    "today.page": EVERY,
    "today.part": EVERY,
    "orders.page": EVERY,
    "orders.order": EVERY,
    # whether money moves is known when it is tried: see `order_acts.may`
    "orders.check": EVERY - {"read"},
    "orders.act": EVERY - {"read"},
    "log.page": LOG,
    "log.as_csv": LOG,
    "money.page": EVERY - {"desk"},
    "money.books": EVERY - {"desk"},
    "money_acts.proposal": EVERY - {"desk"},
    **dict.fromkeys(("money_acts.form", "money_acts.check", "money_acts.act"), MONEY),
    **dict.fromkeys(("money_acts.approve", "money_acts.refuse"), MONEY),
    "storefronts.page": EVERY - {"desk"},
    "reconciling.page": EVERY - {"desk"},
    "reconciling.compare": EVERY - {"desk"},
    "desk.page": EVERY - {"money"},
    "desk.person": EVERY - {"money"},
    **dict.fromkeys(("desk.find", "desk.number", "desk.size", "desk.check", "desk.send", "desk.close"), DESK),
    **dict.fromkeys(("desk.called", "desk.hand"), DESK),
    **dict.fromkeys(("artisans.page", "artisans.artisan", "kiosks.page", "kiosks.kiosk"), EVERY),
    "artisans.find": EVERY - {"read"},
    **dict.fromkeys(("artisans.rename", "artisans.language", "artisans.kiosk"), DESK),
    **dict.fromkeys(("artisans.payout_check", "artisans.payout"), MONEY),
    "kiosks.correct": ALL,  # the agent's phone pays out cash
    **dict.fromkeys(("products.page", "products.product"), EVERY),
    **dict.fromkeys(("products.words", "products.price_check", "products.price", "products.photo"), DESK),
    **dict.fromkeys(("products.withdraw_check", "products.withdraw"), DESK),
    **dict.fromkeys(("broadcasts.page", "broadcasts.broadcast", "broadcasts.progress"), EVERY - {"money"}),
    **dict.fromkeys(("dialogues.page", "dialogues.dialogue"), EVERY),
    **dict.fromkeys(("settings.page", "keys.page", "webhooks.page", "webhooks.endpoint"), LOG),
    **dict.fromkeys(("keys.create", "keys.revoke_check", "keys.revoke", "webhooks.test", "webhooks.replay"), ALL),
    **dict.fromkeys(("broadcasts.check", "broadcasts.test", "broadcasts.start", "broadcasts.stop"), DESK),
}
"""The roles that may open each other endpoint."""

Guard = Callable[[], Response | None]


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The operator of this request."""

    id: str
    name: str
    role: OperatorRole

    @property
    def actor(self) -> Actor:
        return Actor("operator", self.name)

    def may(self, endpoint: str) -> bool:
        """True if this operator may open the endpoint."""
        return endpoint in OPEN or self.role in MAY.get(endpoint, ())


def resources() -> ConsoleResources:
    """The resources of the console that answers this request."""
    return cast(ConsoleResources, current_app.extensions["console"])


def operator() -> LoggedIn:
    """Who is logged in; only for endpoints of `MAY`."""
    return cast(LoggedIn, g.operator)


def check_request() -> Response | None:
    """Lead strangers to the log-in, and answer 403 to a role that may not open the page. Use it as `before_request`."""
    g.operator = _logged_in()
    if request.endpoint in OPEN:
        return None
    if g.operator is None:
        return redirect(url_for("log_in.home"), 303)
    if request.endpoint is not None and not g.operator.may(request.endpoint):
        abort(403)
    return None


def _logged_in() -> LoggedIn | None:
    """The operator of the session whose token came as a cookie; None if there is none, or it is over."""
    token = request.cookies.get(COOKIE)
    if not token or request.endpoint == "static":
        return None
    database, now = resources().database, resources().clock()
    with database.reading() as session:
        found = operators.find_session(session, token, now)
    if found is None:
        return None
    if REFRESH not in request.args and found.seen_at <= now - operators.SEEN_NOTED_EVERY:
        with database.writing.begin() as session:
            operators.note_seen(session, found, now)
    return LoggedIn(found.operator.id, found.operator.name, found.operator.role)


@contextmanager
def reading() -> Iterator[Shop]:
    """The shop in a read transaction, in which the operator looks at it."""
    with resources().database.reading() as session:
        yield shop_in(session)


@contextmanager
def writing() -> Iterator[Shop]:
    """The shop in a write transaction, in which the operator acts; it is rolled back by an exception."""
    with resources().database.writing.begin() as session:
        yield shop_in(session)


def shop_in(session: Session) -> Shop:
    """The shop in the transaction of a session, in which the operator acts."""
    return resources().open_shop(session, operator().actor)

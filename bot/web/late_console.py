"""The operator's console at `/operator`, which is imported and made when it is first asked for.

So a web process that no operator uses imports neither its pages nor the libraries of passkeys and forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from bot.runtime.settings import Settings
from bot.web.door import Door
from marketplace_api.actors import Actor
from marketplace_api.shop import Shop

PREFIX = "/operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleResources:
    """What the console takes from its process. `open_shop` opens the shop in a transaction, in which somebody acts.

    `screens` gives the last screens of a phone, oldest first, and when the last of them was shown. `photo_link` makes
    the address of the page that takes pictures of the product with a code.
    """

    settings: Settings
    database: Database
    open_shop: Callable[[Session, Actor], Shop]
    clock: Clock
    door: Door
    screens: Callable[[str], tuple[Sequence[str], datetime | None]]
    photo_link: Callable[[str, datetime], str]


class LateConsole:
    """The WSGI application of the console."""

    def __init__(self, resources: ConsoleResources) -> None:
        self._resources, self._making = resources, Lock()
        self._app: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # the address is promised without a slash at its end, and Flask's first page has one
        return self.app({**environ, "PATH_INFO": environ["PATH_INFO"] or "/"}, start_response)

    @property
    def app(self) -> WSGIApplication:
        """The application; the first call makes it."""
        if self._app is None:
            with self._making:
                if self._app is None:
                    from bot.web.operator.app import create_console

                    self._app = create_console(self._resources)
        return self._app

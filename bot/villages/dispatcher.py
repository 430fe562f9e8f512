"""Gives each tester a village: the whole service again, over stores of its own, at an address that can be shared.

    POST /village              303 to the simulator of this browser's village, which is made if it has none
    /village/k7p4/simulator    a page of the village `k7p4`; its shop, API and webhooks are there too

A village is opened when it is visited, and closed when nobody has visited it for a while; its files stay.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Blueprint, Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from bot.runtime.settings import Settings
from bot.services import Services

if TYPE_CHECKING:
    from bot.villages.village import Village

MOST_OPEN, MOST_KEPT = 8, 40
"""Villages that are open at one time, and villages whose files are kept."""
IDLE_S, BUSY_S = 1800.0, 60.0
"""A village is closed after so long without a request; if all places are taken, after the second time already."""
NAME_LENGTH = 6
COOKIE, COOKIE_S = "soko_village", 30 * 86_400
_NAME = re.compile(r"[a-z0-9]{4,12}")
_PATH = re.compile(rf"/village/(?P<name>{_NAME.pattern})(?P<rest>(/.*)?)")
_BLANK = ".blank"
"""The folder of the village that new ones are copies of."""


class NoPlaceError(Exception):
    """All places for open villages are taken, and each was visited a moment ago."""


@dataclass
class _Place:
    """An open village, and the time of its last request."""

    village: Village
    asked_at: float


class Villages:
    """The villages of this process. `folder` holds one folder for each; `new_name` gives another name each time.

    `clock` counts seconds, for the time without a request.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        new_name: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._folder, self._new_name, self._clock = settings, folder, new_name, clock
        self._open: dict[str, _Place] = {}
        self._opening = threading.Lock()
        self._has_blank = False

    @property
    def open_names(self) -> set[str]:
        """The names of the villages that are open."""
        return set(self._open)

    def exists(self, name: str) -> bool:
        """True if there is a village of this name, open or not."""
        return bool(_NAME.fullmatch(name)) and (self._folder / name).is_dir()

    def make(self) -> str:
        """Make a village, and return its name. The one that was opened longest ago is forgotten if there are many."""
        with self._opening:
            name = self._new_name()
            self._make_blank()
            shutil.copytree(self._folder / _BLANK, self._folder / name)
            (self._folder / name).touch()  # the copy is as old as the original
            kept = sorted(self._folder.glob("[a-z0-9]*"), key=lambda folder: folder.stat().st_mtime)
            for folder in kept[:-MOST_KEPT]:
                if folder.name not in self._open:
                    shutil.rmtree(folder)
        return name

    def _make_blank(self) -> None:
        """Make the village that new ones are copies of: once in each process, so that no older version has made it."""
        if self._has_blank:
            return
        from bot.villages import village  # it imports the worker, which a web process without villages never needs

        blank = self._folder / _BLANK
        shutil.rmtree(blank, ignore_errors=True)
        # in a thread of its own: to fill it may take longer than a request has time
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(village.fill, self._settings, blank).result()
        self._has_blank = True

    def app_of(self, name: str) -> WSGIApplication:
        """The application of a village that exists, opened if it is not. Raises NoPlaceError."""
        place = self._open.get(name)
        if place is None:
            with self._opening:
                place = self._open.get(name) or self._take_place(name)
        place.asked_at = self._clock()
        return place.village

    def _take_place(self, name: str) -> _Place:
        from bot.villages.village import Village

        self._close_idle()
        (self._folder / name).touch()
        place = self._open[name] = _Place(Village(self._settings, name, self._folder / name), self._clock())
        return place

    def _close_idle(self) -> None:
        now = self._clock()
        oldest_first = sorted(self._open.items(), key=lambda item: item[1].asked_at)
        for name, place in oldest_first:
            idle_s = now - place.asked_at
            if idle_s >= IDLE_S or (len(self._open) >= MOST_OPEN and idle_s >= BUSY_S):
                del self._open[name]
                place.village.close()
        if len(self._open) >= MOST_OPEN:
            raise NoPlaceError

    def close(self) -> None:
        """Close all villages."""
        with self._opening:
            while self._open:
                self._open.popitem()[1].village.close()


class VillageDispatcher:
    """WSGI middleware that answers the paths below `/village/NAME` by the village of this name, if there is one."""

    def __init__(self, app: WSGIApplication, villages: Villages) -> None:
        self._app, self._villages = app, villages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None or not self._villages.exists(found["name"]):
            return self._app(environ, start_response)
        try:
            app = self._villages.app_of(found["name"])
        except NoPlaceError:
            words = f"{MOST_OPEN} villages are open, and all of them are in use. Try again in a minute.\n"
            return AnyResponse(words, 503, {"Retry-After": "60"})(environ, start_response)
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/village/{found['name']}"
        environ["PATH_INFO"] = found["rest"]
        return app(environ, start_response)


def install(app: Flask, services: Services) -> Villages:
    """Add villages to the application of `services`; their files are beside its photos."""
    ids = services.ids
    folder = Path(services.settings.photos_dir).absolute().with_name("villages")
    villages = Villages(services.settings, folder, lambda: ids.code(NAME_LENGTH).lower())
    app.config["HAS_VILLAGES"] = True
    app.register_blueprint(routes(villages))
    app.wsgi_app = VillageDispatcher(app.wsgi_app, villages)  # type: ignore[method-assign]
    return villages


def routes(villages: Villages) -> Blueprint:
    """`POST /village`, and the answer for a village that there is not, or not any more."""
    blueprint = Blueprint("villages", __name__, template_folder="templates")

    @blueprint.post("/village")
    def choose() -> AnyResponse:
        own = request.cookies.get(COOKIE, "")
        name = own if villages.exists(own) else villages.make()
        answer = redirect(f"{request.script_root}/village/{name}/simulator", 303)
        answer.set_cookie(COOKIE, name, max_age=COOKIE_S, path="/village", httponly=True, samesite="Lax")
        return answer

    @blueprint.route("/village/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def gone(rest: str) -> tuple[str, int]:
        return render_template("villages/gone.html", name=rest.partition("/")[0]), 404

    @blueprint.get("/village")
    def offer() -> Response | str:
        return render_template("villages/gone.html", name="")

    return blueprint

"""What programs that read the shop ask for: which pages they may read, which ones there are, and the icon.

GET /robots.txt    GET /sitemap.xml    GET /favicon.ico
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from xml.sax.saxutils import escape

from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from bot.db.replica import LateReads
from marketplace_api.catalogue import known_pages
from marketplace_api.catalogue.known_pages import KnownPages

ONE_HOUR_S = 3600
PRIVATE_PATHS = ("/o/", "/p/", "/operator", "/me", "/simulator", "/api/", "/webhooks/")
"""What no search engine should show."""


def routes(reads: LateReads, url: str) -> Blueprint:
    """The blueprint; `url` is the public URL of the service."""
    blueprint = Blueprint("discovery", __name__)

    @blueprint.get("/robots.txt")
    def robots() -> Response:
        rules = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE_PATHS), f"Sitemap: {url}/sitemap.xml"]
        return _kept("\n".join(rules) + "\n", "text/plain")

    @blueprint.get("/sitemap.xml")
    def sitemap() -> Response:
        entries = "".join(_entries(reads.run(known_pages.read), lambda endpoint, **ids: url + url_for(endpoint, **ids)))
        begin = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        return _kept(f"{begin}{entries}</urlset>\n", "application/xml")

    @blueprint.get("/favicon.ico")
    def icon() -> AnyResponse:
        return redirect(url_for("static", filename="wares/other.svg"), 301)

    return blueprint


def _entries(pages: KnownPages, address: Callable[..., str]) -> Iterator[str]:
    yield _entry(address("shop.window"))
    for code, changed in pages.products:
        yield _entry(address("shop.product", code=code), changed)
    for id in pages.kiosks:
        yield _entry(address("shop.kiosk", kiosk_id=id))


def _entry(address: str, changed: datetime | None = None) -> str:
    last = f"<lastmod>{changed:%Y-%m-%d}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{last}</url>\n"


def _kept(text: str, mimetype: str) -> Response:
    return Response(text, mimetype=mimetype, headers={"Cache-Control": f"public, max-age={ONE_HOUR_S}"})

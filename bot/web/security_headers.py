"""The headers of every page that restrict what a browser may do with it."""

from __future__ import annotations

from flask import Response

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def add_to_pages(response: Response) -> Response:
    """Add the headers to HTML only; other answers are not for browsers and stay small."""
    if (response.content_type or "").startswith("text/html"):
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)  # a page may be stricter
    return response


def require_https(response: Response) -> Response:
    """Tell browsers to come by https only, for a year (RFC 6797)."""
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response

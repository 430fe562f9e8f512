"""The page where an artisan uploads pictures of a product, and the pictures themselves.

    GET  /p/<token>                 the product, and a form with one file field
    POST /p/<token>                 photo=<file>: the stored picture, or the reason why it was refused
    GET  /photos/pht_4k2….jpg       the picture; …-small.jpg for lists

The page is for browsers of feature phones on 2G: small, and without scripts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint, Response, abort, make_response, render_template, request, send_from_directory
from werkzeug.exceptions import RequestEntityTooLarge

from bot.messaging import rendering
from bot.photos import images
from bot.photos.images import UnusableImageError
from bot.photos.links import InvalidLinkError, PhotoLinks
from bot.photos.uploads import Uploads
from bot.runtime.clock import Clock
from flows.dialogues.products import GONE
from flows.kit import N_, Words
from marketplace_api.models import Product
from marketplace_api.refused import Refused

LARGEST_REQUEST = images.LARGEST_FILE + 64 * 1024
"""In bytes: the file and the other parts of the form."""
ONE_YEAR_S = 365 * 86_400
FILE = re.compile(r"pht_[0-9a-z]{1,40}(-small)?\.jpg")

# Translators: these stand on a page, not in a text; they may be a little longer.
TITLE = N_("Photo of {title}")
TEXTS = {
    "ask": N_("Choose a photo or take one. Then press Send."),
    "send": N_("Send"),
    "thanks": N_("Thank you. This is how buyers see it now:"),
    "another": N_("You can send another."),
}
NO_FILE = N_("Please choose a photo first.")
OLD_LINK = N_("This link is too old. Text PHOTO {code} to {short_code} for a new one.")
WRONG_LINK = N_("This link does not work. Text PHOTO to {short_code} for a new one.")


class _NoFileError(UnusableImageError):
    words, status = NO_FILE, 400


def routes(uploads: Uploads, links: PhotoLinks, clock: Clock, languages: Sequence[str], short_code: str) -> Blueprint:
    """`/p/<token>` and `/photos/<file>`."""
    blueprint, photo_store = Blueprint("photos", __name__), uploads.store

    @blueprint.route("/p/<token>", methods=["GET", "POST"])
    def page(token: str) -> Response:
        try:
            code = links.product_code(token, clock())
        except InvalidLinkError as invalid:
            return _invalid_link(invalid.code)
        product = photo_store.product(code)
        if product is None:
            return _invalid_link(None)
        words = rendering.words(product.artisan.language)
        if product.status == "withdrawn":
            return _gone(product, words)
        return _upload(product, words) if request.method == "POST" else _form(product, words, 200)

    def _invalid_link(code: str | None) -> Response:
        """Refuse a link: an expired one in the language of the product's artisan, a forged one in the browser's."""
        product = photo_store.product(code) if code else None
        language = product.artisan.language if product else request.accept_languages.best_match(languages)
        words = rendering.words(language or languages[0])
        refusal = words.text(OLD_LINK if code else WRONG_LINK).format(code=code, short_code=short_code)
        return _answer(words, 410 if code else 404, refusal=refusal)

    def _upload(product: Product, words: Words) -> Response:
        try:
            photo = uploads.add(product.code, _uploaded_file()).photo
        except UnusableImageError as unusable:
            return _form(product, words, unusable.status, refusal=words.text(unusable.words))
        except Refused:  # the product was withdrawn during the upload
            return _gone(product, words)
        return _form(product, words, 200, photo=photo)

    @blueprint.get("/photos/<file>")
    def photo(file: str) -> Response:
        if not FILE.fullmatch(file):
            abort(404)
        answer = send_from_directory(photo_store.folder.absolute(), file, mimetype="image/jpeg", max_age=ONE_YEAR_S)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.cache_control.immutable = True
        return answer

    return blueprint


def _uploaded_file() -> bytes:
    """The file in the form; raises UnusableImageError if there is none, or if it is too large."""
    request.max_content_length = LARGEST_REQUEST
    try:
        file = request.files.get("photo")
    except RequestEntityTooLarge:
        raise images.ImageTooLargeError from None
    content = file.read() if file else b""
    if not content:
        raise _NoFileError
    return content


def _gone(product: Product, words: Words) -> Response:
    return _answer(words, 410, refusal=words.text(GONE).format(product=product.code))


def _form(product: Product, words: Words, status: int, **context: object) -> Response:
    title = words.text(TITLE).format(title=product.title)
    texts = {name: words.text(text) for name, text in TEXTS.items()}
    return _answer(words, status, title=title, product=product, texts=texts, **context)


def _answer(words: Words, status: int, **context: object) -> Response:
    return make_response(render_template("photo.html", words=words, **context), status)

"""`/privacy`: what Soko keeps of people, why, how long, and what they may ask; in every language.

`?lang=sw` chooses the language; without it, it is the browser's. The operator's page is docs/data.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template

from bot.messaging import rendering
from bot.web import page_language
from flows.kit import N_

# Translators: these stand on a page, not in a text; they may be a little longer.
TITLE = N_("Your data at Soko")
PARAGRAPHS = (
    N_(
        "Soko keeps what you tell it: your name, your phone number, what you sell or order, and where it is sent. "
        "It also keeps your texts and what you were paid."
    ),
    N_(
        "We need this to sell your goods, to send orders, to pay you and to answer you. We do not sell it, and only "
        "people who need it see it."
    ),
    N_("Buyers see an artisan's name, town and goods, but not the phone number."),
    N_(
        "Phone companies carry the texts, a payment company pays, and a carrier gets the address. Each of them gets "
        "only what it needs."
    ),
    N_(
        "We delete the words of texts after {texts} days, and addresses {addresses} days after an order has ended. "
        "Payments stay in the books, as the law asks."
    ),
    N_(
        "You may ask what we keep about you, and have it corrected or deleted. Text CALL to {short_code}, and somebody "
        "calls you."
    ),
    N_("If you want no more texts, text STOP to {short_code}."),
    N_(
        "If our answer is not good enough, complain to the data protection authority of your country. In Kenya it is "
        "the Office of the Data Protection Commissioner."
    ),
)


def routes(languages: Sequence[str], short_code: str, texts_days: int, addresses_days: int) -> Blueprint:
    """`/privacy`. The days are those of the settings; `languages` are offered in this order."""
    blueprint = Blueprint("privacy", __name__)

    @blueprint.get("/privacy")
    def privacy() -> str:
        words = rendering.words(page_language.requested(languages))
        fields = {"short_code": short_code, "texts": texts_days, "addresses": addresses_days}
        return render_template(
            "privacy.html",
            words=words,
            title=words.text(TITLE),
            paragraphs=[words.text(paragraph).format_map(fields) for paragraph in PARAGRAPHS],
            languages=rendering.language_names(languages),
        )

    return blueprint

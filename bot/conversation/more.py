"""The words with which a text continues what was interrupted: MORE in every language."""

from __future__ import annotations

from flows.reading.folding import fold
from flows.reading.keywords import said

MORE = {
    "en": ("more", "continue"),
    "sw": ("zaidi", "endelea"),
    "fr": ("suite", "continuer"),
    "am": ("ቀጥል", "መቀጠል", "ketil"),
}
"""The words by language."""
_LANGUAGES = {fold(word): language for language, words in MORE.items() for word in words}


def language(text: str) -> str | None:
    """The language of the word for MORE that a text is, perhaps with polite words; None for any other text."""
    return _LANGUAGES.get(" ".join(said(text)))

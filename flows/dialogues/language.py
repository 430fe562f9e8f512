"""The choice of the language: the first question that a new caller is asked."""

from collections.abc import Mapping, Sequence

from flows.commands import ChooseLanguage
from flows.kit import N_, Act, Choice, Enter, Flow, Keyword, PagedList, Place, Turn
from flows.kit.flow import always
from flows.reading.folding import plain_words
from flows.reading.keywords import without_courtesy

NAMES = {
    "English": "ENGLISH, KIINGEREZA, KINGEREZA, ANGLAIS, እንግሊዝኛ, INGLIZEGNA",
    "Kiswahili": "KISWAHILI, SWAHILI, ስዋሂሊ, ስዋሂልኛ",
    "Français": "FRANCAIS, FRENCH, KIFARANSA, ፈረንሳይኛ",
    "አማርኛ": "አማርኛ, AMARIGNA, AMARINYA, AMHARIC, AMHARIQUE, KIAMHARI",
}
"""The words for each language, by its own name, which is its line in the list. They are also keywords."""
_BY_WORD = {word: name for name, words in NAMES.items() for word in plain_words(words)}


def languages(turn: Turn) -> Sequence[Choice]:
    return [Choice(code, name) for code, name in turn.place.languages]


def choose_language(turn: Turn) -> ChooseLanguage:
    return ChooseLanguage(turn["language"])


def language_named(rest: str, place: Place) -> Mapping[str, str] | None:
    """`LANG kiswahili`, `lugha ya kifaransa`, `LANG sw` or `LANG`; None for a text that names no language."""
    if not (words := plain_words(without_courtesy(rest))):
        return {}
    own_names = dict(place.languages)
    named = [_BY_WORD.get(word) or own_names.get(word) for word in words]
    return next(({"language": name} for name in named if name), None)


flow = Flow(
    "language",
    PagedList(
        "language",
        N_("Karibu Soko! Language / Lugha:", "Soko. Language / Lugha:", "Language / Lugha:"),
        items=languages,
        then="choosing",
        verbatim=True,
    ),
    Act("choosing", command=choose_language, done=Enter("home"), queued=Enter("home"), rejected=Enter("home")),
    keywords=[
        Keyword("LANG", "LANGUAGE", shared="LANG", sw="LUGHA", fr="LANGUE", am="ቋንቋ, KUANKUA", fill=language_named),
        *(Keyword(shared=words, fill=always(language=name)) for name, words in NAMES.items()),
    ],
)

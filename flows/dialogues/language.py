"""The choice of the language: the first question that a new caller is asked."""

from collections.abc import Sequence

from flows.commands import ChooseLanguage
from flows.kit import N_, Act, Choice, Enter, Flow, Keyword, PagedList, Turn
from flows.kit.flow import always


def languages(turn: Turn) -> Sequence[Choice]:
    return [Choice(code, name) for code, name in turn.place.languages]


def choose_language(turn: Turn) -> ChooseLanguage:
    return ChooseLanguage(turn["language"])


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
        Keyword("LANG", "LANGUAGE", "LUGHA", "LANGUE", "ቋንቋ", "KUANKUA"),
        Keyword("ENGLISH", "KIINGEREZA", "ANGLAIS", "እንግሊዝኛ", fill=always(language="English")),
        Keyword("KISWAHILI", "SWAHILI", "ስዋሂሊ", fill=always(language="Kiswahili")),
        Keyword("FRANCAIS", "FRENCH", "KIFARANSA", "ፈረንሳይኛ", fill=always(language="Français")),
        Keyword("አማርኛ", "AMARIGNA", "AMHARIC", "AMHARIQUE", "KIAMHARI", fill=always(language="አማርኛ")),
    ],
)

"""Numbers that are written in words, in every language offered.

read("elfu moja mia tano")          Read(1500)
read("fifteen hundred")             Read(1500)
read("elfu kumi na tano")           Read(15000, certain=False)     it may also mean 10,005
read("two baskets")                 None
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .folding import fold, plain_words
from .result import Read

MAX_WORDS = 12
_QUATRE_VINGT = re.compile(r"\bquatre vingts?\b")


@dataclass(frozen=True, slots=True)
class _Language:
    """`values` are added, `multipliers` multiply; `joiners` say nothing. In some languages a multiplier comes first."""

    values: Mapping[str, int]
    multipliers: Mapping[str, int]
    joiners: frozenset[str]
    multiplier_first: bool = False
    half: str = ""
    """A word for half of the multiplier before it: `elfu moja na nusu`."""
    takes_digits: bool = True
    """False where digits before a multiplier mean something else: `50 cents`."""
    most_hundreds: int = 99


def read(text: str) -> Read[int] | None:
    """The number in a text that has nothing else in it; None if the text is not a number in words."""
    words = _QUATRE_VINGT.sub("quatrevingt", " ".join(plain_words(text))).split()
    if not words or len(words) > MAX_WORDS or all(map(str.isdecimal, words)):
        return None
    for language in _LANGUAGES:
        if number := _in(language, words):
            return number
    return None


def longest(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """The runs of words that are a number with a multiplier in it, such as `mia tano`: begin, end and number."""
    begin = 0
    while begin < len(words):
        end = next((end for end in range(len(words), begin, -1) if _is_large(words[begin:end])), None)
        if end is None:
            begin += 1
            continue
        number = read(" ".join(words[begin:end]))
        if number is not None and number.certain:
            yield begin, end, number.value
        begin = end


def _is_large(words: Sequence[str]) -> bool:
    """True for a number in words that names hundreds or more, since `one` and `mbili` may belong to a title."""
    plain = plain_words(" ".join(words))
    has_multiplier = any(word in language.multipliers for word in plain for language in _LANGUAGES)
    begins_and_ends = all(any(_means(language, word) for language in _LANGUAGES) for word in (plain[:1] + plain[-1:]))
    return bool(plain) and has_multiplier and begins_and_ends and read(" ".join(words)) is not None


def _means(language: _Language, word: str) -> bool:
    return word in language.values or word in language.multipliers or (word == language.half != "")


def _in(language: _Language, words: Sequence[str]) -> Read[int] | None:
    said = [word for word in words if word not in language.joiners]
    if not said or not all(_means(language, word) or word.isdecimal() for word in said):
        return None
    digits = [word for word in said if word.isdecimal()]
    if len(digits) == len(said) or (digits and not language.takes_digits):
        return None
    return _multiplier_first(language, said) if language.multiplier_first else _multiplier_last(language, said)


def _value(language: _Language, word: str) -> int | None:
    """The value of a word or of digits; None for a multiplier."""
    return language.values.get(word, int(word) if word.isdecimal() and len(word) < 4 else None)


def _multiplier_last(language: _Language, words: Sequence[str]) -> Read[int] | None:
    """`two thousand five hundred`: a multiplier multiplies what stands before it."""
    total, part, smallest = 0, 0, 10**9
    for word in words:
        multiplier = language.multipliers.get(word)
        if multiplier is None:
            value = _value(language, word)
            if value is None or not _follows(part, value):
                return None
            part += value
        elif multiplier == 100:
            if part > language.most_hundreds:
                return None
            part = (part or 1) * 100
        else:
            if multiplier >= smallest:
                return None
            total, part, smallest = total + (part or 1) * multiplier, 0, multiplier
    return Read(total + part)


def _follows(part: int, value: int) -> bool:
    """True if a value may be added to the part before it: `twenty five`, `soixante dix`, but not `five six`."""
    if value < 10:
        return part % 10 == 0
    return part % 100 in (0, 60, 80) if value < 20 else part % 100 == 0


def _multiplier_first(language: _Language, words: Sequence[str]) -> Read[int] | None:
    """`elfu mbili mia tano`: a multiplier multiplies the number after it."""
    total, certain, smallest, index = 0, True, 10**9, 0
    while index < len(words):
        multiplier = language.multipliers.get(words[index], 1)
        if multiplier >= smallest:
            return None
        index += multiplier > 1
        factor, taken = _factor(language, words[index:], 10 if multiplier == 100 else 1000)
        if multiplier == 1 and not taken:
            return None
        index += taken
        total, smallest = total + (factor or 1) * multiplier, multiplier
        # `elfu kumi na tano` may be fifteen thousand, or ten thousand and five
        certain = certain and (multiplier == 1 or taken < 2)
        if index < len(words) and words[index] == language.half and multiplier > 1:
            total, index = total + multiplier // 2, index + 1
    return Read(total, certain)


def _factor(language: _Language, words: Sequence[str], limit: int) -> tuple[int, int]:
    """The number below `limit` that the words begin with, tens and then ones, and how many words it has."""
    factor = taken = 0
    for word in words[:2]:
        value = None if word in language.multipliers or word == language.half else _value(language, word)
        is_next = value is not None and value < limit and (taken == 0 or (factor % 10 == 0 and value < 10 <= factor))
        if value is None or not is_next:
            break
        factor, taken = factor + value, taken + 1
    return factor, taken


def _numbered(words: str, begin: int = 1, step: int = 1) -> dict[str, int]:
    """Words separated by spaces, and `/` between words for the same number, by the number that each means."""
    return {fold(word): begin + step * place for place, same in enumerate(words.split()) for word in same.split("/")}


_ENGLISH = _Language(
    _numbered("one two three four five six seven eight nine ten eleven twelve/dozen thirteen fourteen fifteen sixteen")
    | _numbered("seventeen eighteen nineteen", 17)
    | _numbered("twenty thirty forty/fourty fifty sixty seventy eighty ninety", 20, 10),
    {"hundred": 100, "hundreds": 100, "thousand": 1000, "thousands": 1000, "million": 1_000_000},
    frozenset({"and", "a"}),
)
_SWAHILI = _Language(
    _numbered(
        "moja/mmoja/kimoja mbili/wawili/viwili/mawili tatu/watatu/vitatu/matatu nne/wanne/vinne/manne "
        "tano/watano/vitano/matano sita saba nane/wanane/vinane/manane tisa kumi"
    )
    | _numbered("ishirini thelathini arobaini/arubaini hamsini sitini sabini themanini tisini", 20, 10),
    {"mia": 100, "soo": 100, "elfu": 1000, "thao": 1000, "laki": 100_000, "milioni": 1_000_000},
    frozenset({"na"}),
    multiplier_first=True,
    half="nusu",
)
_FRENCH = _Language(
    _numbered("un/une deux trois quatre cinq six sept huit neuf dix onze douze/douzaine treize quatorze quinze seize")
    | _numbered("vingt trente quarante cinquante soixante", 20, 10)
    | {"septante": 70, "quatrevingt": 80, "nonante": 90},
    {"cent": 100, "cents": 100, "mille": 1000, "million": 1_000_000},
    frozenset({"et"}),
    takes_digits=False,
    most_hundreds=9,
)
_AMHARIC = _Language(
    _numbered("አንድ ሁለት ሶስት/ሦስት አራት አምስት ስድስት ሰባት ስምንት ዘጠኝ አስር/አሥር/አስራ/አሥራ")
    | _numbered("ሃያ/ሀያ ሰላሳ/ሠላሳ አርባ ሃምሳ/ሀምሳ/አምሳ ስልሳ/ስድሳ ሰባ ሰማንያ/ሰማኒያ ዘጠና", 20, 10)
    | {fold("ደርዘን"): 12},
    {fold(word): number for word, number in (("መቶ", 100), ("ሺህ", 1000), ("ሺ", 1000), ("ሚሊዮን", 1_000_000))},
    frozenset({fold("እና"), fold("ከ")}),
)
_AMHARIC_IN_LATIN = _Language(
    _numbered("and hulet sost arat amist sidist/sdist sebat simint/smint zetegn/zetegne asir/asra")
    | _numbered("haya selasa arba hamsa silsa/sidsa seba semanya zetena", 20, 10),
    {"meto": 100, "shi": 1000, "shih": 1000},
    frozenset({"ena"}),
)
_LANGUAGES = (_ENGLISH, _SWAHILI, _FRENCH, _AMHARIC, _AMHARIC_IN_LATIN)

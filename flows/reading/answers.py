"""How people write: amounts, counts, phone numbers, yes and no, a line of a menu, codes, keywords, offers.

    money("Ksh1.5k")               Read(150000)
    money("15OO")                  Read(150000, certain=False): letters for digits, so it is confirmed first
    choice("2.", ["Yes", "No"])    Read(1)
    listing("kiondo 1,650/= x3")   Listing("kiondo", 165000, 3)

Each reader gives what it read or raises Unreadable. None knows what was asked, so none says whether the
answer makes sense there: that is for the dialogue's checks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Generic, TypeVar

import phonenumbers
from anyascii import anyascii
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType
from rapidfuzz.distance import OSA

T = TypeVar("T")

# Words. Alternatives of a pattern are parted by |, plain words by spaces.

_SHILLINGS = "shs|sh|shilingi|shillings?"
_CURRENCIES = {  # digits after the point (ISO 4217), and what people call it
    "KES": (2, f"kshs?|kes|{_SHILLINGS}|bob"),
    "TZS": (2, f"tshs?|tzs|{_SHILLINGS}"),
    "UGX": (0, f"ushs?|ugx|{_SHILLINGS}"),
    "RWF": (0, "rwf|frw|rf|francs?"),
    "BIF": (0, "bif|fbu|francs?"),
    "ETB": (2, "etb|birr|br|ብር"),
}
_PRICE = "@|bei|price|prix|ዋጋ"
_AT = "at|for|is|ni|kwa"
_EACH = "each|only|tu|pekee|(?:kwa )?kila (?:ki)?moja|kila mmoja|kwa moja|per piece|a ?piece|chacune?"
_THOUSAND = "k(?!sh|es)|elfu|thousand|mille|ሺህ|ሺ"

_NUMBER_WORDS = (
    "one moja mmoja kimoja un une አንድ",
    "two mbili wawili viwili mawili deux ሁለት",
    "three tatu watatu vitatu matatu trois ሶስት ሦስት",
    "four nne wanne vinne manne quatre አራት",
    "five tano watano vitano matano cinq አምስት",
    "six sita ስድስት",
    "seven saba sept ሰባት",
    "eight nane wanane vinane manane huit ስምንት",
    "nine tisa neuf ዘጠኝ",
    "ten kumi dix አስር አሥር",
    "eleven onze",
    "twelve dozen dazeni dazani douze douzaine ደርዘን",
)
_COUNTS = {word: count for count, words in enumerate(_NUMBER_WORDS, start=1) for word in words.split()}
_HOW_MANY = "qty|quantity|quantit[eé]|idadi|pcs|pi[eè]ces|vipande|ብዛት"
_PIECES = "pi[eè]ces?|pcs?|pces?|nos?|vipande|kipande|units?|unit[eé]s?|items?|vitu|pairs?|jozi|paires?|sets?|seti|ፍሬ"
_MEASURES = "cm|mm|m|meters?|metres?|inch|inches|in|ft|feet|kg|g|grams?|l|ml|litres?|liters?|%"

_YES = (
    "1 01 yes y yeah yep yea yap yup yah sure ok okay okey fine agreed accept ndiyo ndio ndyo ndyio naam eeh ehe sawa "
    "sawasawa haya poa nakubali kubali nimekubali oui ouais d'accord አዎ አዎን አወ ኣዎ እሺ awo awon ow eshi ishi 👍 ✅"
)
_NO = (
    "2 02 no n nope nah hapana hapna hpna la sio sivyo sitaki siwezi sitaweza non "
    "አይ አይደለም የለም አልፈልግም ay ayi aydelem yelem alfelgim 👎 ❌"
)
_PLEASE = frozenset(["please", "pls", "plz", "thanks", "tafadhali", "asante", "sana", "merci", "svp", "እባክህ", "እባክሽ"])
_POLITE = _PLEASE | {"thank", "you", "kabisa"}

# Signs and shapes.

_DIGITS = {ord(zero) + n: str(n) for zero in "٠۰０" for n in range(10)} | {ord("፩") + n: str(n + 1) for n in range(9)}
_ARABIC_SIGNS = {ord("٫"): ".", ord("٬"): ","}
_KEYCAP = {0xFE0F: "", 0x20E3: ""}  # what makes a picture of the 1 in 1️⃣
_AS_TYPED = _DIGITS | _ARABIC_SIGNS | _KEYCAP
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})  # controls, zero-width and bidi marks, halves of pictures
_PUNCTUATION = " .,:;!?()[]<>\"'#-"

_LOOKALIKES = str.maketrans("oil|", "0111")
_NUMERIC = re.compile(r"[\doil|., ']*(?:\d|oo)[\doil|., ']*")
_SHAPES = (  # of a number: the signs that only group its digits, and whether it can be read in one way only
    (re.compile(r"\d+(?:\.\d{1,2})?"), "", True),
    (re.compile(r"[1-9]\d{0,2}(?:(?:, ?| |')\d{3})+(?:\.\d{1,2})?"), ", '", True),
    (re.compile(r"(?:[1-9]\d{0,2}(?:[. ]\d{3})+|\d{4,}),\d{1,2}"), ". ", True),
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+"), ".", False),
)
_THOUSANDS = ((re.compile(r"\d{1,5}(?:[.,]\d{1,2})?"), "", True),)  # before a k, a comma can only be a point

_DIALLED = re.compile(r"\+?[0-9oil ().,/_-]+", re.IGNORECASE)
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_CODE = re.compile(r"(?=.{4,10}$)(?:[A-HJKMNP-Z][2-9])+[A-HJKMNP-Z]?")
_AS_LETTER, _AS_FIGURE = str.maketrans("5286", "SZBG"), str.maketrans("SZBG", "5286")
_MENU_NUMBER = re.compile(r"[\s(#]*0*(\d{1,3})[\s).:,]*")
# A comma before three digits, and a slash before = or -, belong to a price.
# After a keyword people put a full stop, a colon, a dash or an equals sign too: `YES.K7P4`, `SELL-kiondo`.
_KEYWORD_ENDS = " ,;*/،፣፤.:=_-"
_HEAD = re.compile(rf"[^\s{_KEYWORD_ENDS}]+")
# A stop parts words, and a count from a price (`1500.3`); between other digits it is a point.
_TOKEN = re.compile(
    r"(?:[^\s,;*/.،፣፤]|(?<!\d{4})(?<=\d),(?=\d{3}(?!\d))|(?<=\d)/(?=[=-])"
    r"|(?<![a-z]\d[a-z]\d)(?<=\d)\.(?=\d)(?!(?<=\d{3}\.)\d(?![\dk])))+",
    re.IGNORECASE,
)

_LONGEST = 40  # characters of an amount or a count
_MOST_MONEY, _MOST_PIECES = Decimal(100_000_000), Decimal(1_000_000)
_FEW = 50  # in an offer, a bare number below it is a count and not a price
_ALIKE, _GUESSABLE = 0.75, 4  # similarity, and letters: short words are all too like one another
_GUESSABLE_KEYWORD = 3  # SEL; only asked back where nothing else is waiting for an answer


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was read. An uncertain one is a guess: it is confirmed, never acted on."""

    value: T
    certain: bool = True


class Unreadable(ValueError):  # noqa: N818 - an answer, not a fault
    """The text does not say what was looked for.

    `reason` is one of: empty, number, negative, ambiguous, whole, too_fine, too_big, phone, not_mobile,
    yes_no, choice.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Listing:
    """What an offer says; None is what it does not say, or not clearly, and so has to be asked."""

    title: str
    price: int | None = None
    quantity: int | None = None


def clean(text: str) -> str:
    """The text composed (NFC), its digits ASCII, its spaces single, without ends or what cannot be seen."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = "".join(char for char in text if char.isspace() or unicodedata.category(char) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFC", seen).translate(_AS_TYPED).split())


def fold(text: str) -> str:
    """The text as it is compared: without case and accents."""
    text = text.casefold()
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


# Numbers.


def money(text: str, currency: str = "KES") -> Read[int]:
    """An amount in minor units of the currency."""
    said = _said(text)
    match = _amount(currency).fullmatch(said.strip(" *:="))
    if not match:
        raise Unreadable(_not_a_number(said))
    thousands = bool(match["lead"] or match["thousand"])
    number = _number(match["number"], _THOUSANDS if thousands else _SHAPES)
    amount = number.value * (1000 if thousands else 1)
    if amount > _MOST_MONEY:
        raise Unreadable("too_big")
    return Read(_whole(amount.scaleb(_decimals(currency)), "too_fine"), number.certain)


def written(amount: int, currency: str = "KES") -> str:
    """An amount in minor units as `money` reads it back: 150000 as `1500.00`."""
    return str(Decimal(amount).scaleb(-_decimals(currency)))


def quantity(text: str) -> Read[int]:
    """A count, in digits or as a word; one among other words (`only 3`, `3 baskets`) is a guess."""
    said = fold(_said(text)).strip(" .,:!?()#*")
    if (count := _only_count(said)) is not None:
        return Read(count, certain=False)
    match = _COUNT.fullmatch(said)
    written = match["number"] if match else ""
    if written in _COUNTS:
        return Read(_COUNTS[written])
    number = _number(written, _SHAPES)
    if number.value > _MOST_PIECES:
        raise Unreadable("too_big")
    return Read(_whole(number.value, "whole"), number.certain)


def _only_count(said: str) -> int | None:
    """The one count in a text of several words, when all the others are plain words that do not count pieces."""
    words = [word for word in said.split() if not re.fullmatch(rf"{_PIECES}|[x×]", word)]
    counts = [word for word in words if word in _COUNTS or re.fullmatch(r"\d{1,6}", word)]
    plain = len(counts) == 1 < len(words) and all(word in counts or word.isalpha() for word in words)
    if not plain or re.fullmatch(_HOW_MANY, words[0]):
        return None
    return _COUNTS.get(counts[0]) or int(counts[0])


def msisdn(text: str, country: str) -> Read[str]:
    """A mobile number in E.164, read as dialled in the country; one of another country needs its +.

    The signs are checked first because phonenumbers finds a number in almost anything. With letters among its
    digits (`O712345678`) it is a guess.
    """
    typed = clean(text).strip("\"'“”‘’")
    if not _DIALLED.fullmatch(typed):
        raise Unreadable("phone" if typed else "empty")
    dialled = re.sub("[,/_]", " ", typed.casefold().translate(_LOOKALIKES))
    try:
        number = phonenumbers.parse(re.sub("^00+", "+", dialled), country)
    except NumberParseException:
        raise Unreadable("phone") from None
    if not phonenumbers.is_valid_number(number):
        raise Unreadable("phone")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise Unreadable("not_mobile")
    certain = not any(map(str.isalpha, typed))
    return Read(phonenumbers.format_number(number, PhoneNumberFormat.E164), certain)


def _said(text: str) -> str:
    said = clean(text).casefold().replace("’", "'")
    if not said:
        raise Unreadable("empty")
    if len(said) > _LONGEST:
        raise Unreadable("number")
    return said


def _number(written: str, shapes: Iterable[tuple[re.Pattern[str], str, bool]]) -> Read[Decimal]:
    """A number in one of the shapes; with letters among its digits (`lOO`) it is a guess."""
    if not _NUMERIC.fullmatch(written):
        raise Unreadable(_not_a_number(written))
    written = written.rstrip(" .,'")
    digits = written.translate(_LOOKALIKES)
    for shape, grouping, certain in shapes:
        if shape.fullmatch(digits):
            value = digits.translate(dict.fromkeys(map(ord, grouping))).replace(",", ".")
            return Read(Decimal(value), certain and digits == written)
    raise Unreadable("ambiguous")


def _not_a_number(said: str) -> str:
    return "negative" if re.match(r"[-−–]\s?\d", said) else "number"


def _whole(value: Decimal, otherwise: str) -> int:
    if value != int(value):
        raise Unreadable(otherwise)
    return int(value)


def _decimals(currency: str) -> int:
    return _CURRENCIES.get(currency, (2, ""))[0]


def _names(currency: str) -> str:
    return _CURRENCIES.get(currency, (2, re.escape(currency.casefold())))[1]


@cache
def _amount(currency: str) -> re.Pattern[str]:
    names = _names(currency)
    return re.compile(
        rf"(?:(?:{names}|{_PRICE}|{_AT})[.:=,]*\s*)*"
        rf"(?P<lead>elfu\s)?(?P<number>[\doil|][\doil|., ']*?)\s*(?P<thousand>{_THOUSAND})?"
        rf"\s*(?:/[=-]*|=|-)?\s*(?:(?:{names}|{_EACH}|@)\.?\s*)*[.!]?"
    )


_COUNT = re.compile(
    rf"(?:(?:{_HOW_MANY}|{_PIECES})[.:=]?\s*|[x×]\s?(?=[\doil]))?"
    r"(?P<number>.+?)"
    rf"(?:(?<=\d)\s?[x×]|(?<=\d)(?:{_PIECES})|\s(?:{_PIECES}))?"
)


# Answers.


def yes_no(text: str) -> Read[bool]:
    """Yes or no, in any language offered, with or without thanks; 1 is yes and 2 is no."""
    words = {_unstretched(word) for word in _words(text)} - _POLITE
    for answer, known in _ANSWERS.items():
        if words and words <= known:
            return Read(answer)
    raise Unreadable("yes_no")


def choice(text: str, labels: Sequence[str]) -> Read[int]:
    """The place in `labels`, from 0, of the line picked by its number, by words of it or by first letters."""
    if number := _MENU_NUMBER.fullmatch(clean(text)):
        return Read(_nth(int(number[1]), labels))
    words, lines = _words(text), [" ".join(_words(label)) for label in labels]
    if not words:
        raise Unreadable("choice" if text.strip() else "empty")
    said = " ".join(words)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda line: line == said,
        lambda line: set(words) <= set(line.split()),
        lambda line: line.startswith(said),
        lambda line: f" {said}" in line,
    )
    for test in tests:
        if hits := [place for place, line in enumerate(lines) if test(line)]:
            return Read(_single(hits))
    return Read(_nth(_COUNTS[said], labels)) if said in _COUNTS else _nearest_line(said, lines)


def _words(text: str) -> list[str]:
    stripped = (word.strip(_PUNCTUATION) for word in fold(clean(text)).split())
    return [word for word in stripped if word]


def _unstretched(word: str) -> str:
    """`yesss` and `eeeh` as short as they can be, where they meet `yes` and `eeh`."""
    return re.sub(r"(\D)\1+", r"\1", word)


_ANSWERS = {answer: frozenset(map(_unstretched, words.split())) for answer, words in ((True, _YES), (False, _NO))}


def _nth(number: int, labels: Sequence[str]) -> int:
    if not 1 <= number <= len(labels):
        raise Unreadable("choice")
    return number - 1


def _single(hits: Sequence[int]) -> int:
    if len(hits) > 1:
        raise Unreadable("ambiguous")
    return hits[0]


def _nearest_line(said: str, lines: Sequence[str]) -> Read[int]:
    known = [(part, place) for place, line in enumerate(lines) for part in (line, *line.split())]
    place = _nearest(said, known)
    if place is None:
        raise Unreadable("choice")
    return Read(place, certain=False)


def _nearest(said: str, known: Iterable[tuple[str, T]], least: int = _GUESSABLE) -> T | None:
    """What a misspelt word most likely means, when one meaning is nearer than any other.

    Words that are not in Latin letters are compared by their sounds: መሽጥ is to መሸጥ as SEL to SELL.
    """
    sound = _sound(said)
    scored = [
        (OSA.normalized_similarity(sound, _sound(word), score_cutoff=_ALIKE), meaning)
        for word, meaning in known
        if min(len(_sound(word)), len(sound)) >= least
    ]
    best = max((score for score, _ in scored), default=0.0)
    meanings = {meaning for score, meaning in scored if score == best}
    return meanings.pop() if best and len(meanings) == 1 else None


@cache
def _sound(word: str) -> str:
    """A folded word in plain letters."""
    return word if word.isascii() else anyascii(word).casefold()


# What is texted to the short code.


def tokens(text: str) -> list[str]:
    """The words of a text, parted by spaces, line ends and , ; * or /; a price stays whole."""
    return _TOKEN.findall(clean(text))


def keyword(text: str, table: Mapping[str, str]) -> Read[tuple[str, str]] | None:
    """The keyword a text begins with and the rest of it, or None; a misspelt one is a guess.

    `table` gives each way to write a keyword (in up to three words) its canonical name.
    """
    said = clean(text)
    known = {fold(written): name for written, name in table.items()}
    starts = [match for match, _ in zip(_HEAD.finditer(said), range(3), strict=False)]
    heads = [fold(start[0]).strip(_PUNCTUATION) for start in starts]
    begins = [(" ".join(heads[:count]), said[start.end() :]) for count, start in enumerate(starts, 1)][::-1]
    for begin, rest in begins:
        if name := known.get(begin):
            return Read((name, rest.lstrip(_KEYWORD_ENDS)))
    for begin, rest in begins:
        if name := _nearest(begin, known.items(), _GUESSABLE_KEYWORD):
            return Read((name, rest.lstrip(_KEYWORD_ENDS)), certain=False)
    return None


def is_polite(text: str) -> bool:
    """Whether a text says nothing but please and thanks."""
    return _PLEASE.issuperset(_words(text))


def likest(text: str, words: Sequence[str]) -> str:
    """Of some words, the one that a text begins most like."""
    begin = _sound(fold(clean(text)))
    return max(words, key=lambda word: OSA.similarity(begin[: len(word)], _sound(fold(word))) / len(word))


def code(text: str) -> str | None:
    """A code of letters and figures by turns (`K7P4M`), written in any case and spacing; None if it is none.

    The turn tells what a doubtful sign was meant to be: S or 5, Z or 2, B or 8, G or 6.
    """
    signs = re.sub(r"[\s.-]", "", clean(text).strip(_PUNCTUATION))
    if not signs.isascii():
        return None
    turns = (_AS_FIGURE if place % 2 else _AS_LETTER for place in range(len(signs)))
    repaired = "".join(map(str.translate, signs.upper(), turns))
    return repaired if _CODE.fullmatch(repaired) else None


def listing(text: str, currency: str = "KES") -> Listing:
    """An offer in any order: a title, the price of one and how many there are.

    Marked numbers are taken first (`1500/=`, `@1500`, `1,650`, `1.5k`; `x3`, `3 pcs`). A number without a
    mark is the one still missing; if both are, size tells. Measures (`30cm`, `set of 6`) stay in the title.
    """
    rest = _PAIR.sub(_paired, " ".join(tokens(text)))
    prices, rest = _take(_marked_price(currency), rest)
    counts, rest = _take(_MARKED_COUNT, rest)
    if not (prices and counts):
        bare, rest = _take(_BARE, rest)
        told = (bare, bare) if prices or counts else _told_apart(bare)
        prices, counts = prices or told[0], counts or told[1]
    return Listing(_title(rest), _sole(prices, lambda price: money(price, currency)), _sole(counts, quantity))


_PAIR = re.compile(r"(?<![\w.,])(\d{1,7})(\s?)[x×]\2(\d{1,7})(?!\w)", re.IGNORECASE)
_MARKED_COUNT = re.compile(
    rf"(?<![\w.,])(?:(?:[x×]|(?:{_HOW_MANY})[.:=]?)\s?\d{{1,3}}(?!\w|[.,]\d)(?:\s(?:{_PIECES})(?!\w)\.?)?"
    rf"|\d{{1,3}}(?:\s?(?:{_PIECES})(?!\w)\.?|\s?[x×](?!\w)))",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![\w.,])(?<!\bof )(?:\d{1,3}(?: \d{3})+|\d[\doil]*|[il]o[\do]+)"
    rf"(?!\w|[.,]\d|\s?(?:{_MEASURES})(?!\w))",
    re.IGNORECASE,
)


@cache
def _marked_price(currency: str) -> re.Pattern[str]:
    names, number = _names(currency), r"\d[\doil]*(?:[.,][\doil]+)*"
    before = rf"(?<!\w)(?:(?:{names}|{_PRICE}|(?:{_AT})(?=\s\d{{3}}))[.:=]?\s?){{1,3}}{number}(?:\s?k|/[=-])?"
    after = rf"(?<![\w.,]){number}(?:\s?k|/[=-]|\s?(?:{names})|(?=\s(?:{_EACH})))"
    pick_single = r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d\d)?|\d+\.\d\d)"
    return re.compile(rf"(?:{before}|{after}|{pick_single})(?!\w)(?:\s(?:{_EACH})(?!\w))?", re.IGNORECASE)


def _paired(pair: re.Match[str]) -> str:
    """`3 x 1500` is a count and a price; two of a size, as in `30 x 40`, are a measure."""
    few, many = sorted((int(pair[1]), int(pair[3])))
    return f"{many} x{few}" if few < _FEW <= many else f"{pair[1]}x{pair[3]}"


def _take(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What the pattern finds, and the text without it."""
    return pattern.findall(text), pattern.sub(" ", text)


def _told_apart(bare: Sequence[str]) -> tuple[list[str], list[str]]:
    """Numbers without a mark as prices and counts; `3 500` may be one or two, so it is neither."""
    sure = [number for number in bare if number.isdecimal() and len(number) < _LONGEST]
    return [n for n in sure if int(n) >= _FEW], [n for n in sure if int(n) < _FEW]


def _sole(found: Sequence[str], read: Callable[[str], Read[int]]) -> int | None:
    """What was found, if it is one thing and no guess."""
    try:
        (only,) = map(read, found)
    except ValueError:  # none, several, or Unreadable
        return None
    return only.value if only.certain else None


def _title(rest: str) -> str:
    return " ".join(word for word in rest.split() if any(map(str.isalnum, word))).strip(" .,:;!?<>\"'#-=@")

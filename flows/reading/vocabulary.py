"""The words people use for numbers, prices, yes and no, in every language offered. Add words of a new language here.

Alternatives of a pattern are separated by `|`, plain words by spaces.
"""

from __future__ import annotations

_SHILLINGS = "shs|sh|shilingi|shillings?"
CURRENCIES = {
    "KES": (2, f"kshs?|kes|{_SHILLINGS}|bob"),
    "TZS": (2, f"tshs?|tzs|{_SHILLINGS}"),
    "UGX": (0, f"ushs?|ugx|{_SHILLINGS}"),
    "RWF": (0, "rwf|frw|rf|francs?"),
    "BIF": (0, "bif|fbu|francs?"),
    "ETB": (2, "etb|birr|br|ብር"),
}
"""By ISO 4217 code: the digits after the decimal point, and the names that people use for the currency."""

PRICE = "@|bei|price|prix|ዋጋ"
AT = "at|for|is|ni|kwa"
"""Words before a price: `kiondo for 1500`."""
EACH = "each|only|tu|pekee|(?:kwa )?kila (?:ki)?moja|kila mmoja|kwa moja|per piece|a ?piece|chacune?"
THOUSAND = "k(?!sh|es)|elfu|thousand|mille|ሺህ|ሺ"

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
NUMBERS = {word: number for number, words in enumerate(_NUMBER_WORDS, start=1) for word in words.split()}
HOW_MANY = "qty|quantity|quantit[eé]|idadi|pcs|pi[eè]ces|vipande|ብዛት"
PIECES = "pi[eè]ces?|pcs?|pces?|nos?|vipande|kipande|units?|unit[eé]s?|items?|vitu|pairs?|jozi|paires?|sets?|seti|ፍሬ"
MEASURES = "cm|mm|m|meters?|metres?|inch|inches|in|ft|feet|kg|g|grams?|l|ml|litres?|liters?|%"

YES = (
    "1 01 yes y yeah yep yea yap yup yah sure ok okay okey fine agreed accept ndiyo ndio ndyo ndyio naam eeh ehe sawa "
    "sawasawa haya poa nakubali kubali nimekubali oui ouais d'accord አዎ አዎን አወ ኣዎ እሺ awo awon ow eshi ishi 👍 ✅"
)
NO = (
    "2 02 no n nope nah hapana hapna hpna la sio sivyo sitaki siwezi sitaweza non "
    "አይ አይደለም የለም አልፈልግም ay ayi aydelem yelem alfelgim 👎 ❌"
)
ALL = "all everything whole yote zote vyote wote tout toute tous toutes ሁሉም ሁሉንም ሁሉ hulum hulunim hulu"
"""Words that mean the whole quantity."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ASKING = _set(
    "please pls plz pliz kindly tafadhali tafadali svp silvousplait እባክህ እባክሽ እባክዎ እባኮት እባካችሁ ebakih ebakish ebakwo"
)
THANKING = _set("thanks thank thx ty asante asanteni ahsante sana shukrani merci beaucoup አመሰግናለሁ እናመሰግናለን")
PLEASE = ASKING | THANKING
"""Polite words that may follow a keyword without changing it."""
POLITE_PHRASES = {
    "thank you so much": "thanks",
    "thank you very much": "thanks",
    "thank you": "thanks",
    "thank u": "thanks",
    "s'il vous plait": "svp",
    "s’il vous plait": "svp",
    "s il vous plait": "svp",
    "s'il te plait": "svp",
}
"""Polite words of several parts, folded, and the single word that means the same."""
POLITE = PLEASE | {"you", "kabisa"}
"""Words that may accompany a yes or a no."""
GREETINGS = _set("hello hi hey habari jambo hujambo mambo bonjour bonsoir salut ሰላም selam")
"""Words that people write before a keyword."""
ABOUT_A_CODE = _set(
    "code codes order orders number num nr no ref reference my the this that for to of it is i we will can make take "
    "accept want item product oda agizo namba nambari kodi ya la kwa ni hii hiyo nitatengeneza naweza nakubali bidhaa "
    "commande numero n° le la ma mon pour je peux l'article article produit ኮድ ቁጥር ትዕዛዝ ትእዛዝ የትዕዛዝ ዕቃ ለ"
)
"""Words around a code that say nothing more: `YES for order K7P4`."""

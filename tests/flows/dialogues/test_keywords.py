"""Every keyword of `docs/contract.md`, in every language and in every way it is written, and the flow it opens."""

from __future__ import annotations

import pytest

from flows.dialogues import ENGINE
from tests.flows.dialogues.exploration import PLACE

KIONDO = {"title": "kiondo", "price": "1500.00", "quantity": "3"}
SEPARATORS = [" ", "   ", ",", ", ", ";", "*", "/", "\n", "\r\n", ".", ":", "-", "=", "፣"]


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("join", "JOIN JIUNGE INSCRIRE መመዝገብ ምዝገባ MEMEZGEB MIZGEBA"),
        ("sell", "SELL UZA VENDRE መሸጥ ሽያጭ MESHET SHIYACH"),
        ("products", "PRODUCTS BIDHAA PRODUITS ዕቃዎች እቃዎች EKAWOCH"),
        ("stock", "STOCK IDADI QUANTITE QUANTITÉ ብዛት BIZAT"),
        ("price", "PRICE BEI PRIX ዋጋ WAGA"),
        ("remove", "REMOVE ONDOSHA RETIRER ማውጣት MAWTAT"),
        ("photo", "PHOTO PICHA IMAGE ፎቶ FOTO"),
        ("orders", "ORDERS MAAGIZO COMMANDES ትዕዛዝ ትዕዛዞች TIZAZ"),
        ("accept", "YES NDIYO NDIO OUI አዎ AWO እሺ ESHI"),
        ("decline", "NO HAPANA NON አይ አይደለም AY AYDELEM"),
        ("ready", "READY TAYARI PRET PRÊT ዝግጁ ZIGJU"),
        ("money", "MONEY PESA ARGENT ገንዘብ GENZEB"),
        ("track", "TRACK FUATILIA SUIVRE መከታተል ክትትል MEKETATEL"),
        ("received", "RECEIVED NIMEPOKEA RECU REÇU ደርሶኛል DERSOGNAL"),
        ("drop", "DROP GHAIRI ANNULER ሰርዝ SERZ"),
        ("language", "LANG LUGHA LANGUE ቋንቋ KUANKUA"),
        ("language", "ENGLISH KISWAHILI FRANÇAIS FRANCAIS አማርኛ AMARIGNA"),
        ("home", "MENU MENYU MWANZO ACCUEIL ሜኑ"),
        ("help", "HELP MSAADA AIDE እርዳታ ERDATA"),
        ("call", "CALL NIPIGIE APPEL ደውሉልኝ DEWLULIGN"),
    ],
    ids=lambda said: said.split()[0],
)
def test_a_keyword_opens_its_flow_in_every_language(flow: str, words: str) -> None:
    for word in words.split():
        for written in (
            word,
            word.lower(),
            word.title(),
            f"  {word} ",
            f"{word}.",
            f"{word}!",
            f'"{word}"',
            f"\n{word}",
        ):
            asked = ENGINE.match_keyword(written, PLACE)
            assert asked, written
            assert asked[0] == flow, written


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    ("words", "flow", "given"),
    [
        (("YES", "K7P4", "2"), "accept", {"code": "K7P4", "part": "2"}),
        (("ndiyo", "k7p4"), "accept", {"code": "k7p4"}),
        (("NO", "K7P4"), "decline", {"code": "K7P4"}),
        (("READY", "K7P4"), "ready", {"code": "K7P4"}),
        (("TRACK", "K7P4"), "track", {"code": "K7P4"}),
        (("RECEIVED", "K7P4"), "received", {"code": "K7P4"}),
        (("DROP", "K7P4"), "drop", {"code": "K7P4"}),
        (("REMOVE", "K7P4"), "remove", {"named": "K7P4"}),
        (("PHOTO", "K7P4"), "photo", {"code": "K7P4"}),
        (("JOIN", "Amina"), "join", {"name": "Amina"}),
        (("SELL", "kiondo", "1500/=", "x3"), "sell", KIONDO),
        (("uza", "kiondo", "1,500", "3"), "sell", KIONDO),
        (("ሽያጭ", "3", "kiondo", "@1500"), "sell", KIONDO),
    ],
    ids=lambda said: said[0] if isinstance(said, tuple) else "",
)
def test_many_characters_may_separate_a_keyword_from_the_rest(
    words: tuple[str, ...], separator: str, flow: str, given: dict[str, str]
) -> None:
    keyword, *rest = words
    assert ENGINE.match_keyword(keyword + separator + " ".join(rest), PLACE) == (flow, given)


@pytest.mark.parametrize("separator", [" ", ",", ", ", ";", "*", "/", " / ", "\n", "."])
def test_many_characters_may_separate_the_parts_of_the_rest(separator: str) -> None:
    assert ENGINE.match_keyword(separator.join(["SELL", "kiondo", "1500", "x3"]), PLACE) == ("sell", KIONDO)
    assert ENGINE.match_keyword(separator.join(["YES", "K7P4", "2"]), PLACE) == (
        "accept",
        {"code": "K7P4", "part": "2"},
    )


@pytest.mark.parametrize(
    ("text", "flow", "given"),
    [
        ("SELL kiondo 1,650 x3", "sell", {**KIONDO, "price": "1650.00"}),
        ("SELL,kiondo,1,650,3", "sell", {**KIONDO, "price": "1650.00"}),
        ("SELL/kiondo/1700/=/3", "sell", {**KIONDO, "price": "1700.00"}),
        ("SELL 3 kiondo Ksh1.5k", "sell", KIONDO),
        ("SELL kiondo ١٥٠٠ x٣", "sell", KIONDO),
        ("PRICE K7P4 1,650", "price", {"code": "K7P4", "price": "1,650"}),
        ("PRICE K7P4 1700/=", "price", {"code": "K7P4", "price": "1700/="}),
        ("bei*k7p4*1,650", "price", {"code": "K7P4", "price": "1,650"}),
        ("STOCK K7P4 12", "stock", {"code": "K7P4", "quantity": "12"}),
        ("idadi;k7p4;12", "stock", {"code": "K7P4", "quantity": "12"}),
        ("YES 2", "accept", {"part": "2"}),
        ("MENU please", "home", {}),
        ("maagizo tafadhali", "orders", {}),
        ("Français svp", "language", {"language": "Français"}),
        ("call me", "call", {}),
        ("appelez-moi", "call", {}),
    ],
)
def test_a_text_gives_answers_ahead(text: str, flow: str, given: dict[str, str]) -> None:
    assert ENGINE.match_keyword(text, PLACE) == (flow, given)

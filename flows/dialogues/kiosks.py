"""The choice of a kiosk: from one list while there are few, else by town, else by what is typed."""

from collections.abc import Sequence

from flows.kit import N_, Ask, Check, Choice, Go, Notice, PagedList, Turn
from flows.kit.edges import Then
from flows.kit.state_kinds.base import StateKind
from flows.market import KioskSummary
from flows.reading.folding import fold, words
from flows.reading.result import Read, Unreadable
from flows.reading.similarity import nearest

FEW = 9
"""The most lines that are listed without asking for a town first."""
NO_KIOSK = N_("There is no kiosk yet. Please try again later.")


def kiosk_name(kiosk: KioskSummary) -> str:
    return f"{kiosk.name}, {kiosk.town}"


def towns(turn: Turn) -> Sequence[Choice]:
    names = {fold(kiosk.town): kiosk.town for kiosk in turn.market.kiosks()}
    return [Choice(names[town], names[town]) for town in sorted(names)]


def matching(kiosks: Sequence[KioskSummary], typed: str) -> Sequence[KioskSummary]:
    """The kiosks in whose name or town every typed word begins a word; else those in the town most like it."""
    said = words(typed)
    found = [kiosk for kiosk in kiosks if said and all(_has(kiosk, word) for word in said)]
    if found or not said:
        return found
    town = nearest(" ".join(said), {fold(kiosk.town): fold(kiosk.town) for kiosk in kiosks}.items())
    return [kiosk for kiosk in kiosks if fold(kiosk.town) == town]


def _has(kiosk: KioskSummary, word: str) -> bool:
    return any(part.startswith(word) for part in words(kiosk_name(kiosk)))


def kiosks(turn: Turn) -> Sequence[Choice]:
    """All kiosks, those of the chosen town, or those that match what was typed."""
    listed = turn.market.kiosks()
    if typed := turn.get("near"):
        listed = matching(listed, typed)
    elif town := turn.get("town"):
        listed = [kiosk for kiosk in listed if kiosk.town == town] or matching(listed, town)
    return [Choice(kiosk.id, kiosk_name(kiosk)) for kiosk in listed]


def are_few(turn: Turn) -> bool:
    return len(turn.market.kiosks()) <= FEW


def are_in_few_towns(turn: Turn) -> bool:
    return len(towns(turn)) <= FEW


def are_many_in_town(turn: Turn) -> bool:
    return len(kiosks(turn)) > FEW


def is_known(turn: Turn, typed: str) -> bool:
    return bool(matching(turn.market.kiosks(), typed))


class TownList(PagedList):
    """A list of towns, where the name of a kiosk may be typed too."""

    def read(self, turn: Turn, typed: str) -> Read[str]:
        try:
            return super().read(turn, typed)
        except Unreadable:
            found = matching(turn.market.kiosks(), typed)
            if not found:
                raise
            turn.conversation.labels[self.name] = found[0].town
            return Read(found[0].town)


def choice_of_kiosk(then: Then) -> Sequence[StateKind]:
    """The states that lead to an answer `kiosk`; they begin at one of the targets `FIRST`."""
    which = N_("Which kiosk will you bring your goods to?", "Which kiosk is yours?")
    return (
        TownList(
            "town",
            N_("In which town is your kiosk?"),
            items=towns,
            then=[Go("near", when=are_many_in_town), Go("kiosk")],
        ),
        Ask(
            "near",
            N_("Which kiosk will you bring your goods to? Write its town or name.", "Write your kiosk's town or name."),
            check=Check(
                is_known,
                N_("We know no kiosk like that. Write its town, like Kisumu.", "No such kiosk."),
                "W" * 40,
            ),
            then="kiosk",
        ),
        PagedList("kiosk", which, items=kiosks, then=then, empty="no_kiosk"),
        Notice("no_kiosk", NO_KIOSK),
    )


FIRST = (Go("kiosk", when=are_few), Go("town", when=are_in_few_towns), Go("near"))

"""An artisan registers: name, craft, kiosk and payout; and the PIN, if this phone already has one."""

from collections.abc import Mapping, Sequence

from flows.commands import RegisterArtisan
from flows.kit import (
    N_,
    Act,
    Ask,
    Choice,
    Flow,
    Go,
    Keyword,
    Notice,
    PagedList,
    Place,
    Turn,
    length,
)
from flows.kit.flow import because
from flows.reading.keywords import without_courtesy
from flows.reading.vocabulary import ASKING

from . import kiosks
from .home import is_artisan
from .payout import FACTS, ask_pin_before, ask_way_of_payment, payout_phone


def crafts(turn: Turn) -> Sequence[Choice]:
    return [Choice(slug, turn.words.text(label)) for slug, label in turn.market.crafts()]


def register(turn: Turn) -> RegisterArtisan:
    msisdn = payout_phone(turn)
    return RegisterArtisan(
        name=turn["name"],
        language=turn.words.language,
        craft=turn["craft"],
        kiosk_id=turn["kiosk"],
        payout_method="mobile_money" if msisdn else "kiosk_cash",
        payout_msisdn=msisdn,
    )


def name_given(rest: str, _place: Place) -> Mapping[str, str]:
    """`JOIN Amina`, `JOIN Amina please` or `JOIN`. Asante is also a name, so only words that ask are left out."""
    name = without_courtesy(rest, ASKING)
    return {"name": name} if name else {}


flow = Flow(
    "join",
    Ask("name", N_("Join Soko. What is your name?"), check=length(2, 40), then="craft"),
    PagedList("craft", N_("What is your craft?"), items=crafts, then=kiosks.FIRST),
    *kiosks.choice_of_kiosk("payout"),
    *ask_way_of_payment("joining"),
    Act("joining", command=register, done="joined", rejected=[Go("pin", when=because("pin")), Go("not_joined")]),
    *ask_pin_before("joining"),
    Notice(
        "joined",
        N_(
            "Welcome to Soko, {name}! To sell, dial {ussd_code} or text SELL to {short_code}.",
            "Welcome to Soko, {name}! To sell, text SELL to {short_code}.",
            "Welcome to Soko! To sell, text SELL to {short_code}.",
            "Welcome to Soko! To sell, dial {ussd_code}.",
        ),
    ),
    Notice("not_joined", N_("You could not be registered now. Please try again later.")),
    Notice(
        "already",
        N_(
            "You are registered, {name}. To sell, dial {ussd_code} or text SELL.",
            "You are registered, {name}. To sell, text SELL.",
            "You are registered. To sell, text SELL.",
            "You are registered. Dial {ussd_code}.",
        ),
    ),
    facts=FACTS,
    start=[Go("already", when=is_artisan), Go("name")],
    keywords=[
        Keyword(
            "JOIN",
            "REGISTER",
            sw="JIUNGE",
            fr="INSCRIRE",
            am="መመዝገብ, ምዝገባ, MEMEZGEB, MIZGEBA",
            fill=name_given,
        )
    ],
)

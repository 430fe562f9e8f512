"""What an artisan is owed and was paid: a menu on a call, one answer by text, and the statement."""

from collections.abc import Iterable

from flows.commands import RenewCashCode, SendStatement
from flows.kit import N_, Act, Enter, Flow, Go, Gone, Keyword, Menu, Notice, Option, Turn
from flows.market import PayoutSummary, WaitingCash

from .home import is_artisan

PAID = N_("paid")
OWED = N_("owed")
HELD = N_("owed, waits")


def is_no_artisan(turn: Turn) -> bool:
    return not is_artisan(turn)


def is_by_text(turn: Turn) -> bool:
    return not turn.channel.shows_navigation


def has_payouts(turn: Turn) -> bool:
    return bool(turn.market.earnings().last)


def has_payouts_by_text(turn: Turn) -> bool:
    return is_by_text(turn) and has_payouts(turn)


def has_cash(turn: Turn) -> bool:
    return turn.market.cash() is not None


def has_code(turn: Turn) -> bool:
    cash = turn.market.cash()
    return cash is not None and bool(cash.code)


def has_code_by_text(turn: Turn) -> bool:
    return is_by_text(turn) and has_code(turn)


def renew_cash_code(turn: Turn) -> RenewCashCode:
    return RenewCashCode()


def waiting(turn: Turn) -> WaitingCash:
    """The cash whose code is told. Another hop may have paid it since the code was made."""
    cash = turn.market.cash()
    if cash is None:
        raise Gone("cash")
    return cash


def waits(turn: Turn) -> bool:
    """True if a part of what the artisan is owed is held."""
    return bool(turn.market.earnings().held)


def waits_by_text(turn: Turn) -> bool:
    return is_by_text(turn) and waits(turn)


def last(turn: Turn) -> str:
    return ", ".join(f"{payout.order} {turn.money(payout.amount)}" for payout in turn.market.earnings().last[:2])


def send_statement(turn: Turn) -> SendStatement:
    return SendStatement()


def lines(turn: Turn, payouts: Iterable[PayoutSummary]) -> str:
    """One line for each payout, by the code of its order: `W2V4 KSh 2,700 paid`."""
    return "\n".join(
        f"{payout.order} {turn.money(payout.amount)} {turn.words.text(_status(payout))}" for payout in payouts
    )


def _status(payout: PayoutSummary) -> str:
    return PAID if payout.paid else HELD if payout.held else OWED


ONLY_ARTISANS = N_(
    "Only artisans earn here. To join, dial {ussd_code} or text JOIN to {short_code}.",
    "Only artisans earn here. To join, text JOIN to {short_code}.",
)
FACTS = {
    "owed": lambda turn: turn.money(turn.market.earnings().owed),
    "paid": lambda turn: turn.money(turn.market.earnings().paid),
    "held": lambda turn: turn.money(turn.market.earnings().held),
    "last": last,
    "all": lambda turn: lines(turn, turn.market.earnings().last),
    "some": lambda turn: lines(turn, turn.market.earnings().last[:3]),
    "cash": lambda turn: turn.money(waiting(turn).amount),
    "cash_order": lambda turn: waiting(turn).order,
    "cash_kiosk": lambda turn: waiting(turn).kiosk,
    "cash_code": lambda turn: waiting(turn).code,
}
FIGURES = [
    Go("earnings_held", when=waits_by_text),
    Go("earnings", when=has_payouts_by_text),
    Go("no_earnings", when=is_by_text),
    Go("figures_held", when=waits),
    Go("figures", when=has_payouts),
    Go("no_figures"),
]
WITH_CODE = [Go("code_by_text", when=has_code_by_text), Go("code", when=has_code), *FIGURES]


def figures(name: str, text: tuple[str, ...]) -> Menu:
    return Menu(
        name,
        text,
        Option(N_("Statement by text"), Enter("statement")),
        Option(N_("How I am paid"), Enter("payout")),
    )


flow = Flow(
    "money",
    figures(
        "figures",
        N_(
            "We owe you {owed}. We have paid you {paid}. Last: {last}",
            "We owe you {owed}. We have paid you {paid}.",
            "Owed {owed}, paid {paid}.",
        ),
    ),
    figures(
        "figures_held",
        N_(
            "We owe you {owed}; {held} of it waits, as we texted you. We have paid you {paid}.",
            "Owed {owed}, of it {held} waits. Paid {paid}.",
        ),
    ),
    figures("no_figures", N_("We owe you {owed}. We have paid you {paid}.", "Owed {owed}, paid {paid}.")),
    Notice(
        "earnings",
        N_(
            "We owe you {owed}. We have paid you {paid}. Last: {last}",
            "We owe you {owed}. We have paid you {paid}.",
        ),
        stays=True,
        segments=2,
    ),
    Notice(
        "earnings_held",
        N_(
            "We owe you {owed}; {held} of it waits, as we texted you. We have paid you {paid}. Last: {last}",
            "We owe you {owed}; {held} of it waits, as we texted you. We have paid you {paid}.",
        ),
        stays=True,
        segments=2,
    ),
    Notice("no_earnings", N_("We owe you {owed}. We have paid you {paid}."), stays=True),
    Notice("not_artisan", ONLY_ARTISANS),
    Act("renewing", command=renew_cash_code, done=WITH_CODE, rejected=WITH_CODE),
    Menu(
        "code",
        N_(
            "{cash} for order {cash_order} waits at {cash_kiosk}. Show your code: {cash_code}. "
            "Older codes for it no longer work.",
            "{cash} waits at your kiosk. Code: {cash_code}. Older ones no longer work.",
            "{cash}, code: {cash_code}",
        ),
        Option(N_("All my money"), [Go("figures_held", when=waits), Go("figures", when=has_payouts), Go("no_figures")]),
        optional=True,
    ),
    Notice(
        "code_by_text",
        N_(
            "{cash} for order {cash_order} waits at {cash_kiosk}. Show your code: {cash_code}. "
            "Older codes for it no longer work. We owe you {owed}. We have paid you {paid}.",
            "{cash} waits at your kiosk. Code: {cash_code}. Older ones no longer work. We owe you {owed}.",
        ),
        stays=True,
        segments=2,
    ),
    start=[Go("not_artisan", when=is_no_artisan), Go("renewing", when=has_cash), *FIGURES],
    facts=FACTS,
    keywords=[Keyword("MONEY", sw="PESA", fr="ARGENT", am="ገንዘብ, ገንዘቤ, GENZEB")],
)

statement = Flow(
    "statement",
    Act("sending", command=send_statement, done="sent", rejected="not_sent"),
    Notice("sent", N_("We text you your statement.")),
    Notice("not_sent", N_("That did not work. Please try again later.")),
    Notice(
        "said",
        N_(
            "Soko statement. We owe you {owed}. We have paid you {paid}.\n{all}",
            "Soko statement. We owe you {owed}. We have paid you {paid}.\n{some}",
            "We owe you {owed}. We have paid you {paid}.",
        ),
        segments=2,
    ),
    Notice("nothing", N_("We owe you {owed}. We have paid you {paid}.")),
    Notice("not_artisan", ONLY_ARTISANS),
    start=[
        Go("not_artisan", when=is_no_artisan),
        Go("said", when=has_payouts_by_text),
        Go("nothing", when=is_by_text),
        Go("sending"),
    ],
    facts=FACTS,
    keywords=[Keyword("STATEMENT", sw="TAARIFA", fr="RELEVE", am="መግለጫ, MEGLECHA")],
)
"""By text the statement is the answer itself. On a call, the conversation service sends that answer as a text."""

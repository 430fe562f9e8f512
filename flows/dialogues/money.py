"""What an artisan is owed, and what she was paid."""

from flows.kit import N_, Flow, Go, Keyword, Notice, Turn

from .home import is_artisan


def is_no_artisan(turn: Turn) -> bool:
    return not is_artisan(turn)


def was_due(turn: Turn) -> bool:
    return bool(turn.market.earnings().last)


def last(turn: Turn) -> str:
    return ", ".join(f"{payout.code} {turn.money(payout.amount)}" for payout in turn.market.earnings().last[:2])


flow = Flow(
    "money",
    Notice(
        "earnings",
        N_(
            "We owe you {owed}. You were paid {paid}. Last: {last}",
            "We owe you {owed}. You were paid {paid}.",
        ),
        stays=True,
    ),
    Notice("nothing_yet", N_("We owe you {owed}. You were paid {paid}."), stays=True),
    Notice("not_artisan", N_("Only artisans earn here. To join, dial {ussd_code} or text JOIN to {short_code}.")),
    start=[Go("not_artisan", when=is_no_artisan), Go("earnings", when=was_due), Go("nothing_yet")],
    facts={
        "owed": lambda turn: turn.money(turn.market.earnings().owed),
        "paid": lambda turn: turn.money(turn.market.earnings().paid),
        "last": last,
    },
    keywords=[Keyword("MONEY", "PESA", "ARGENT", "ገንዘብ", "ገንዘቤ", "GENZEB")],
)

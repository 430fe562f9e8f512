"""What an artisan is owed, and what she was paid."""

from flows.kit import N_, Flow, Go, Keyword, Notice, Turn

from .home import is_artisan


def last(turn: Turn) -> str:
    return ", ".join(f"{code} {turn.money(amount)}" for code, amount in turn.market.earnings().last[:2])


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
    Notice("not_artisan", N_("Only artisans earn here. To join, dial {ussd_code} or text JOIN to {short_code}.")),
    start=[Go("earnings", when=is_artisan), Go("not_artisan")],
    facts={
        "owed": lambda turn: turn.money(turn.market.earnings().owed),
        "paid": lambda turn: turn.money(turn.market.earnings().paid),
        "last": last,
    },
    keywords=[Keyword("MONEY", "PESA", "ARGENT", "ገንዘብ", "ገንዘቤ", "GENZEB")],
)

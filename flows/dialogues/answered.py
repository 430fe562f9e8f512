"""What holds for an order that an artisan answers a second time, or too late."""

from collections.abc import Mapping

from flows.kit import N_, Go, Notice, Turn
from flows.kit.flow import because
from flows.market import OrderSummary, SummaryStatus

NO_ANSWER_AWAITED = [Go("gone", when=because("order_not_open")), Go("unknown")]
"""Where an answer leads that the shop rejects."""

YOURS = N_("it is yours already, {quantity} x {title}, you earn {earns}")
YOURS_SHORT = N_("it is yours already, {quantity}, you earn {earns}")
ENDED: Mapping[SummaryStatus, str] = {
    "received": N_("you brought it to the kiosk"),
    "declined": N_("you declined it"),
    "cancelled": N_("the buyer cancelled it"),
    "expired": N_("it was not answered in time"),
    "passed": N_("other artisans make all of it"),
    "released": N_("you gave it back"),
    "refused": N_("the kiosk did not take the goods"),
}
GONE = N_("it no longer waits for your answer")


def gone() -> Notice:
    """Says what holds. The flow has the facts `what_holds` and `holds_in_short`."""
    return Notice("gone", N_("Order {code}: {what_holds}.", "Order {code}: {holds_in_short}."))


def what_holds(turn: Turn, mine: OrderSummary | None, wording: str) -> str:
    """What became of the artisan's part; `mine` is the part if it is accepted, and `wording` tells of such a part."""
    if mine is None or turn.get("current") != "accepted":
        return turn.words.text(ENDED.get(turn.get("current"), GONE))
    return turn.say(wording, quantity=mine.quantity, title=mine.title, earns=turn.money(mine.earns))

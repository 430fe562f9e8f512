"""Counts and logs wrong PINs, reset codes and cash codes, as the door of the web does for keys and secrets."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot.conversation.hop import HopContext
from flows.commands import CheckPin, Command, FindCash, Outcome, ResetPin
from state import counters

log = logging.getLogger(__name__)

_ACTS: Mapping[type[Command], str] = {
    CheckPin: "wrong_pin",
    ResetPin: "wrong_reset_code",
    FindCash: "wrong_cash_code",
}
_FAILED = frozenset({"wrong", "wrong_code", "locked"})


def note(command: Command, outcome: Outcome, context: HopContext) -> None:
    """Count the command if a credential failed, in the hop's transaction."""
    act = _ACTS.get(type(command))
    if act is None or outcome.kind != "rejected" or outcome.reason not in _FAILED:
        return
    log.warning("a credential failed", extra={"act": act, "msisdn": context.msisdn})
    with context.work.writing() as conn:
        counters.add(conn, {(counters.STRANGERS, act): 1})

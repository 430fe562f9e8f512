"""A text that matches no keyword. The code of an order shows the order; a misspelt keyword is asked back."""

from flows.kit import N_, Confirm, Enter, Flow, Go, Notice
from flows.kit.edges import SUGGESTED
from flows.kit.engine import SUGGESTED_CODE, SUGGESTED_FLOW, SUGGESTED_WORD
from flows.kit.flow import known

flow = Flow(
    "puzzle",
    Confirm("meant", N_("Did you mean {guess}?"), yes=Enter(SUGGESTED), no="not_understood"),
    Notice("not_understood", N_("Sorry, we did not understand that. Text MENU to see what you can do, or HELP.")),
    start=[
        Go(Enter("track"), when=known(SUGGESTED_CODE)),
        Go("meant", when=known(SUGGESTED_FLOW)),
        Go("not_understood"),
    ],
    facts={"guess": lambda turn: turn[SUGGESTED_WORD]},
)

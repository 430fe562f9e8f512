"""Faults of the simulated networks and providers: who is struck, how, and how often.

    POST /simulator/faults {"target": "phone", "name": "+254711000111", "fault": "drop", "probability": 0.2, "seed": 7}

Whether a rule strikes is drawn from its seed and fault, the phone and what happens, and how often that was drawn.
So the same seed and the same requests give the same outcomes, in whatever order the phones take turns and whichever
process asks: the rules and the counts of draws are in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, delete, select, update

from bot.simulator.tables import simulated_draw, simulated_fault
from bot.simulator.wallet import Transaction
from flows.msisdn import is_e164
from state.tables import insert_new

Fault = Literal[
    "drop",
    "repeat",
    "reorder",
    "delay",
    "lose_report",
    "contradict_report",
    "reject",
    "throttle",
    "error",
    "hang",
    "half",
]
Moment = Literal["hop", "text", "delivery", "report", "callback", "request"]
"""What a fault may strike: a hop of a call, a text from a phone or to one, a delivery report, a callback of a payment
provider, and a request of ours to a provider."""
STRIKES: dict[Moment, tuple[Fault, ...]] = {
    "hop": ("drop", "delay", "repeat", "reorder"),
    "text": ("delay", "reorder", "repeat"),
    "delivery": ("delay", "reorder", "repeat"),
    "report": ("lose_report", "contradict_report"),
    "callback": ("lose_report", "delay", "reorder", "repeat", "contradict_report"),
    "request": ("reject", "throttle", "error", "hang", "half"),
}
PROVIDERS = ("africastalking", "twilio", "daraja", "stripe")
WITHOUT_CALLS = ("twilio", "daraja", "stripe")
BY_STATUS: dict[int, Fault] = {400: "reject", 429: "throttle", 500: "error"}
"""The fault with which a request is answered with this HTTP status."""
LONGEST_S, MOST_RULES, LARGEST_SEED = 86_400.0, 100, 2**53
"""A larger seed could not be read by JavaScript."""


class FaultRequest(BaseModel):
    """The body of `POST /simulator/faults`. `drop` waits for `seconds` of a call, or for `hops` that were answered.

    The rule ends after it has struck `times` times, if that is given.
    """

    model_config = ConfigDict(extra="forbid")

    target: Literal["phone", "provider"]
    name: str
    fault: Fault
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seconds: Annotated[float | None, Field(gt=0, le=LONGEST_S)] = None
    hops: Annotated[int | None, Field(ge=1, le=100)] = None
    times: Annotated[int | None, Field(ge=1)] = None
    seed: Annotated[int | None, Field(ge=0, le=LARGEST_SEED)] = None

    @model_validator(mode="after")
    def fits_its_target(self) -> Self:
        if self.target == "phone" and not is_e164(self.name):
            raise ValueError("the name of a phone is its number with the country code, such as +254711000111")
        if self.target == "provider" and self.name not in PROVIDERS:
            raise ValueError(f"the name of a provider is one of {', '.join(PROVIDERS)}")
        if self.fault == "drop" and self.name in WITHOUT_CALLS:
            raise ValueError(f"{self.name} carries no calls that could drop")
        if self.hops and self.fault != "drop":
            raise ValueError("only drop takes hops")
        return self


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A stored rule; `struck` counts how often it struck."""

    id: str
    target: Literal["phone", "provider"]
    name: str
    fault: Fault
    probability: float
    seconds: float | None
    hops: int | None
    times: int | None
    struck: int
    seed: int

    def strikes(self, subject: str, number: int) -> bool:
        """Whether the draw with this number strikes the subject; each draw has a generator of its own."""
        return Random(f"{self.seed} {self.fault} {subject} {number}").random() < self.probability  # noqa: S311

    def wait(self, default: float) -> float:
        """Its `seconds`, or these if it has none."""
        return default if self.seconds is None else self.seconds


_ALL = select(*[column for column in simulated_fault.c if column.name != "seq"]).order_by(simulated_fault.c.seq)


class TooManyFaultsError(Exception):
    """There are `MOST_RULES` rules already."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The rules that hold. `transaction` opens one on the database; `new_seed` gives a seed to a rule without one."""

    transaction: Callable[[], Transaction]
    new_id: Callable[[], str]
    new_seed: Callable[[], int]

    def add(self, asked: FaultRequest) -> FaultRule:
        """Store a rule. Raises TooManyFaultsError."""
        seed = self.new_seed() if asked.seed is None else asked.seed
        values = asked.model_dump() | {"id": f"flt_{self.new_id()[:16]}", "seed": seed, "struck": 0}
        with self.transaction() as conn:
            if len(_rules(conn)) >= MOST_RULES:
                raise TooManyFaultsError
            conn.execute(simulated_fault.insert().values(**values))
        return FaultRule(**values)

    def replace_all(self, asked: Sequence[FaultRequest]) -> list[FaultRule]:
        """End all rules and store these."""
        with self.transaction() as conn:
            conn.execute(delete(simulated_fault))
            conn.execute(delete(simulated_draw))
        return [self.add(each) for each in asked]

    def all(self) -> list[FaultRule]:
        """The rules that hold, oldest first."""
        with self.transaction() as conn:
            return _rules(conn)

    def end(self, id: str) -> bool:
        """End a rule; False if there is none with this id."""
        with self.transaction() as conn:
            conn.execute(delete(simulated_draw).where(simulated_draw.c.fault == id))
            return bool(conn.execute(delete(simulated_fault).where(simulated_fault.c.id == id)).rowcount)

    def strike(self, moment: Moment, provider: str, phone: str) -> FaultRule | None:
        """As the function `strike`, in a transaction of its own."""
        with self.transaction() as conn:
            return strike(conn, moment, provider, phone)


def strike(
    conn: Connection,
    moment: Moment,
    provider: str,
    phone: str,
    is_due: Callable[[FaultRule], bool] = lambda _: True,
) -> FaultRule | None:
    """The oldest rule that strikes now, or None. Each that could strike and `is_due` is drawn once.

    `phone` may be empty if no phone is concerned.
    """
    rules = [rule for rule in _rules(conn) if _fits(rule, moment, provider, phone) and is_due(rule)]
    drawn = [rule for rule in rules if rule.strikes(f"{moment} {phone}", _count(conn, rule, moment, phone))]
    return next((rule for rule in drawn if _note(conn, rule)), None)


def _fits(rule: FaultRule, moment: Moment, provider: str, phone: str) -> bool:
    return rule.fault in STRIKES[moment] and rule.name == (phone if rule.target == "phone" else provider)


def _rules(conn: Connection) -> list[FaultRule]:
    return [FaultRule(*row) for row in conn.execute(_ALL)]


def _count(conn: Connection, rule: FaultRule, moment: Moment, phone: str) -> int:
    """The number of this draw of a rule for one subject, counted from 1."""
    subject = f"{moment} {phone}"
    insert_new(conn, simulated_draw, fault=rule.id, subject=subject, drawn=0)
    row = (simulated_draw.c.fault == rule.id) & (simulated_draw.c.subject == subject)
    drawn = update(simulated_draw).where(row).values(drawn=simulated_draw.c.drawn + 1)
    return int(conn.execute(drawn.returning(simulated_draw.c.drawn)).scalar_one())


def _note(conn: Connection, rule: FaultRule) -> bool:
    """Count a strike; False if the rule has struck as often as it may. At the last strike it ends."""
    row, struck = simulated_fault.c.id == rule.id, simulated_fault.c.struck
    counted = update(simulated_fault).where(row).values(struck=struck + 1).returning(struck)
    count: int | None = conn.execute(counted).scalar()
    if rule.times is not None and count is not None and count >= rule.times:
        conn.execute(delete(simulated_fault).where(row))
    return count is not None


def shown(rule: FaultRule) -> dict[str, Any]:
    """The rule as the API shows it; what it does not have is left out."""
    fields = {name: getattr(rule, name) for name in FaultRule.__slots__}
    return {name: value for name, value in fields.items() if value is not None}

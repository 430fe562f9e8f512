"""Who acts: every event and every ledger entry says it.

str(Actor("cli", "grace"))                       "cli:grace"
str(Actor.with_phone("agent", "+254711000001"))  "agent:+25471***001"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

ActorKind = Literal["key", "phone", "agent", "operator", "job", "cli"]
"""An API key, a person's phone, a kiosk's agent, an operator in the console, a job of ours, or a command-line user."""

_KEPT_AT_BEGIN, _KEPT_AT_END = 6, 3


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or program that acts; `name` is never a secret and never a whole phone number."""

    kind: ActorKind
    name: str

    @classmethod
    def with_phone(cls, kind: Literal["phone", "agent"], msisdn: str) -> Self:
        """The person with this phone; most digits of the number are left out."""
        return cls(kind, f"{msisdn[:_KEPT_AT_BEGIN]}***{msisdn[-_KEPT_AT_END:]}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

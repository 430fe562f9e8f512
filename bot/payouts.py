"""Who pays. The built-in provider pays at once, and never twice for one payout."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass


class PayError(Exception):
    """A payout was certainly not made, or nobody can say whether it was (`unknown`)."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class SimulatedPayouts:
    """Stands in for mobile money. Its reference follows from the payout's id, so asking twice pays once."""

    name: str = "simulator"

    def pay(self, payout_id: str, msisdn: str, amount: int, currency: str) -> str:
        """Pays `amount` minor units to a phone and gives the provider's reference; raises PayError."""
        if msisdn.endswith("000404"):
            raise PayError("recipient not registered")
        digest = hashlib.blake2b(f"{payout_id} {currency} {amount}".encode(), digest_size=5).digest()
        return "SIM" + b32encode(digest).decode()[:7]

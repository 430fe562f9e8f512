"""PINs are hashed with the least work, because tests hash hundreds of them."""

from __future__ import annotations

from argon2 import PasswordHasher

from state import pins

REAL = pins._hasher
"""What the service hashes with."""


def use() -> None:
    """For the rest of this process."""
    pins._hasher = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)

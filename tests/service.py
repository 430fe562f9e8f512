"""The whole service in one process, as tests use it."""

from bot.playground.harness import MONDAY, OPERATOR_KEY, opened
from bot.playground.harness import Harness as Service

serving = opened

__all__ = ["MONDAY", "OPERATOR_KEY", "Service", "serving"]

"""The whole service in one process, as tests use it."""

from bot.simulator.world import MONDAY, OPERATOR_KEY, opened
from bot.simulator.world import World as Service

serving = opened

__all__ = ["MONDAY", "OPERATOR_KEY", "Service", "serving"]

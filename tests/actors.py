"""Who acts in tests that use the marketplace's functions directly."""

from __future__ import annotations

from marketplace_api.actors import Actor

TESTER = Actor("cli", "tester")

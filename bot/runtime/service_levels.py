"""A service level: what we promise, how often it must hold, and by which metrics it is measured.

Each is declared beside the code that has to keep it. docs/alerts.yml has an alert for each (`burn`), and a test
compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

FAST, SLOW = 14.4, 6.0
"""How many times faster than allowed the errors of 30 days are used up: 2 % of them in an hour, 5 % in six hours."""


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """`objective` is the share of events of the last 30 days that must be good.

    `good` and `total` are PromQL counters; `{window}` stands where their time range does.
    """

    name: str
    promise: str
    objective: float
    good: str
    total: str

    def burn(self) -> str:
        """The PromQL of the alert: errors come much faster than the objective allows, an hour long and now."""
        errors = round(1 - self.objective, 6)
        return " or ".join(
            f"({self._errors(long)} > {factor:g} * {errors:g} and {self._errors(short)} > {factor:g} * {errors:g})"
            for factor, long, short in ((FAST, "1h", "5m"), (SLOW, "6h", "30m"))
        )

    def _errors(self, window: str) -> str:
        good, total = (expression.replace("{window}", window) for expression in (self.good, self.total))
        return f"1 - {good} / {total}"

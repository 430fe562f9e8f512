"""What a check of the installation is, and how all of them are run.

    InstallationCheck("disk", "the disks have room", _disk)
    run(CHECKS, installation)      -> [CheckResult("disk", True, "12.4 GB are free", ""), …]

A check returns a `CheckFinding`, or raises: then its words are the error's. One that `needs` another is not run if that
one has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.runtime.settings import Settings
from bot.services import Services

SHORTEST_SECRET = 6
"""Words that are shorter are not taken out of findings: they would make them unreadable, and open nothing."""


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """What a check has found, in words. `remedy` says what to do; empty if all is well."""

    ok: bool
    detail: str
    remedy: str = ""


def well(detail: str) -> CheckFinding:
    return CheckFinding(True, detail)


def wrong(detail: str, remedy: str) -> CheckFinding:
    return CheckFinding(False, detail, remedy)


@dataclass(frozen=True, slots=True)
class Installation:
    """What checks look at: the settings, the services built from them, the project's folder and the present time."""

    settings: Settings
    services: Services
    root: Path
    now: datetime
    upgrade: Callable[[Settings], None]
    """Migrates the database to the schema of this version."""


@dataclass(frozen=True, slots=True)
class InstallationCheck:
    """One check. `repair` corrects what it finds, if that is safe at any time, also while people call."""

    name: str
    about: str
    examine: Callable[[Installation], CheckFinding]
    needs: tuple[str, ...] = ()
    repair: Callable[[Installation], None] | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The finding of a check, under its name."""

    name: str
    ok: bool
    detail: str
    remedy: str


def run(
    checks: Iterable[InstallationCheck], installation: Installation, *, repairing: bool = False
) -> Sequence[CheckResult]:
    """The results of all checks, in their order; `repairing` first corrects what can be corrected safely."""
    results: dict[str, CheckResult] = {}
    for check in checks:
        failed = [need for need in check.needs if not results[need].ok]
        found = _unchecked(failed) if failed else _examined(check, installation, repairing=repairing)
        detail = _without_secrets(found.detail, installation.settings)
        results[check.name] = CheckResult(check.name, found.ok, detail, found.remedy)
    return list(results.values())


def unchecked(checks: Iterable[InstallationCheck], settings_problem: str) -> Sequence[CheckResult]:
    """The results where the settings cannot be read: nothing else can be checked."""
    first, *others = checks
    remedy = f"Correct the setting, then run `{COMMAND}` again. docs/contract.md lists all settings."
    found = wrong("not checked, because a setting is wrong", "Correct the setting first.")
    return [
        CheckResult(first.name, False, settings_problem, remedy),
        *(CheckResult(check.name, found.ok, found.detail, found.remedy) for check in others),
    ]


COMMAND = "script/soko doctor"


def _unchecked(failed: Sequence[str]) -> CheckFinding:
    return wrong(f"not checked, because of {', '.join(failed)}", "Correct that first.")


def _examined(check: InstallationCheck, installation: Installation, *, repairing: bool) -> CheckFinding:
    found = _found(check, installation)
    if found.ok or not repairing or check.repair is None:
        return found
    try:
        check.repair(installation)
    except (Exception, SystemExit) as error:
        return wrong(f"{found.detail}; it could not be corrected: {_words(error)}", found.remedy)
    again = _found(check, installation)
    return well(f"{again.detail} (corrected)") if again.ok else again


def _found(check: InstallationCheck, installation: Installation) -> CheckFinding:
    try:
        return check.examine(installation)
    except (Exception, SystemExit) as error:  # each store and provider has errors of its own
        return wrong(_words(error), f"Correct what makes this check fail: {check.about}.")


def _words(error: BaseException) -> str:
    """The first line of what the error says."""
    line, *_ = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    return line or type(error).__name__


def _without_secrets(detail: str, settings: Settings) -> str:
    for secret in settings.secrets:
        if len(secret) >= SHORTEST_SECRET:
            detail = detail.replace(secret, "***")
    return detail

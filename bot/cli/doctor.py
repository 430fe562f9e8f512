"""`script/soko doctor`: checks the installation. It also runs where a setting is wrong, without the application.

script/soko doctor              a line for each check, and what to do where one fails; 1 if one fails
script/soko doctor --json       {"ok": false, "checks": [{"name", "ok", "detail", "remedy"}]}
script/soko doctor --fix        corrects first what can be corrected safely
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from bot.installation import checking, doctor
from bot.installation.checking import CheckResult, Installation
from bot.migrations import upgrade as migrations
from bot.providers import registry
from bot.services import build

ROOT = Path(__file__).parents[2]


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fix", "repairing", is_flag=True, help="Correct what can be corrected safely.")
def doctor_command(*, as_json: bool, repairing: bool) -> None:
    """InstallationCheck the installation, and say what is wrong and what to do about it."""
    results = examine(repairing=repairing)
    ok = all(result.ok for result in results)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [asdict(result) for result in results]}, indent=2))
    else:
        click.echo("\n".join(_lines(results)))
    raise SystemExit(not ok)


def examine(*, repairing: bool = False) -> Sequence[CheckResult]:
    """The results of all checks with the settings of the environment."""
    try:
        services = build(registry.load_settings())
    except SystemExit as error:
        return checking.unchecked(doctor.CHECKS, "; ".join(str(error).splitlines()))
    try:
        installation = Installation(services.settings, services, ROOT, services.clock(), migrations.upgrade)
        return checking.run(doctor.CHECKS, installation, repairing=repairing)
    finally:
        services.close()


def _lines(results: Sequence[CheckResult]) -> Sequence[str]:
    width = max(len(result.name) for result in results)
    lines = []
    for result in results:
        lines.append(f"{'ok   ' if result.ok else 'WRONG'}  {result.name:<{width}}  {result.detail}")
        if result.remedy:
            lines.append(f"{'':<{width + 9}}{result.remedy}")
    failed = sum(not result.ok for result in results)
    lines.append(f"{failed} of {len(results)} checks failed." if failed else f"All {len(results)} checks passed.")
    return lines


if __name__ == "__main__":
    doctor_command(prog_name="script/soko doctor")

"""All checks of an installation, in the order in which they are run."""

from __future__ import annotations

from bot.installation import backups, machine, outside, stores, words, work
from bot.installation.checking import InstallationCheck, well

CHECKS = (
    InstallationCheck("settings", "every setting is right", lambda _: well("every setting is right")),
    *stores.CHECKS,
    *machine.CHECKS,
    *work.CHECKS,
    *outside.CHECKS,
    *backups.CHECKS,
    *words.CHECKS,
)

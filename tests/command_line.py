"""Runs Soko's commands as `flask --app wsgi …` does, on a service that a test has opened."""

from __future__ import annotations

from typing import Any

from click.testing import Result
from flask import Flask

from bot.cli import register


def run_command(app: Flask, *arguments: str, **options: Any) -> Result:
    """What the command printed, and how it ended. `options` go to click's `CliRunner.invoke`."""
    register.commands(app)
    return app.test_cli_runner().invoke(args=arguments, **options)

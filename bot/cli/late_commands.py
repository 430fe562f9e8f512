"""The command line of the application, imported when a command is looked for: no web process needs it."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup


class LateCommands(AppGroup):
    """The commands of an application; it registers them when one is looked for."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name)
        self._app = app
        self._is_registered = False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._register()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._register()
        return super().list_commands(ctx)

    def _register(self) -> None:
        if not self._is_registered:
            from bot.cli import register

            self._is_registered = True
            register.commands(self._app)


def install(app: Flask) -> None:
    """Give `app` its command line."""
    app.cli = LateCommands(app)

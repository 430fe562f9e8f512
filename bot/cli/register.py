"""Adds Soko's commands to the Flask application: `flask --app wsgi …`."""

from __future__ import annotations

from flask import Flask

from bot.cli import (
    admin,
    backups,
    broadcasts,
    collecting,
    dashboards,
    dialogues,
    doctor,
    money,
    operators,
    persons,
    prices,
    statements,
)
from bot.services import Services


def commands(app: Flask) -> None:
    """Add every command to the command line of `app`; `phone` and `transcript` in development only."""
    services: Services = app.extensions["services"]
    money.ledger_commands.add_command(statements.book)
    collecting.collecting_commands.add_command(statements.reconcile)
    for command in (
        admin.db,
        admin.apikey,
        operators.operator,
        admin.secrets,
        admin.demo,
        broadcasts.send_broadcast,
        money.ledger_commands,
        money.payout_commands,
        collecting.collecting_commands,
        prices.fx,
        prices.shipping,
        prices.tax,
        dialogues.dialogues,
        doctor.doctor_command,
        dashboards.dashboards_command,
        backups.backup_command,
        backups.restore_command,
        persons.export_person,
        persons.erase_person,
        persons.breach_list,
    ):
        app.cli.add_command(command)
    if services.settings.development:
        from bot.cli import phone, simulator, transcripts  # they need the simulator, which production does not import

        app.cli.add_command(phone.phone)
        app.cli.add_command(transcripts.transcript)
        app.cli.add_command(simulator.simulator)

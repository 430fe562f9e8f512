"""The WSGI application with its commands: `granian --interface wsgi wsgi:app`, `flask --app wsgi …`."""

import gc

from bot.app import create_app
from bot.cli import register

app = create_app()
register.commands(app)
gc.collect()
gc.freeze()  # what was built here lives as long as the process: no later collection need examine it

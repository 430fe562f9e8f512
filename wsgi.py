"""The door: `granian --interface wsgi wsgi:app`, `flask --app wsgi …`."""

import gc

from bot.app import create_app

app = create_app()
gc.collect()
gc.freeze()  # what was built here lives as long as the process: no later collection need walk through it

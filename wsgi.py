"""The WSGI application with its commands: `granian --interface wsgi wsgi:app`, `flask --app wsgi …`."""

import gc

from bot.app import create_app
from bot.cli import register
from bot.runtime import logs
from bot.web import early_answers

early_answers.install()
app = create_app()
logs.log_uncaught()
register.commands(app)
gc.collect()
gc.freeze()  # these objects live as long as the process, so later collections need not examine them

"""The WSGI application with its commands: `granian --interface wsgi wsgi:app`, `flask --app wsgi …`."""

import gc

from bot.app import create_app
from bot.cli import register
from bot.runtime import hardening, logs
from bot.web import early_answers

early_answers.install()
app = create_app()
if not app.extensions["services"].settings.development:
    hardening.protect_files()  # commands write databases and exports too
logs.log_uncaught()
register.commands(app)
gc.collect()
gc.freeze()  # these objects live as long as the process, so later collections need not examine them

"""The WSGI application with its commands: `granian --interface wsgi wsgi:app`, `flask --app wsgi …`."""

import gc
import sys

from bot.app import create_app
from bot.cli import late_commands
from bot.runtime import hardening, logs
from bot.web import early_answers

early_answers.install()
app = create_app()
app.extensions["draining"].listen()
if early_answers.SERVER in sys.modules:  # a command answers no hops
    app.extensions["services"].conversation.runner.counts.begin()
if app.extensions["services"].settings.development:
    from bot.villages import dispatcher

    dispatcher.install(app, app.extensions["services"])
else:
    hardening.protect_files()  # commands write databases and exports too
logs.log_uncaught()
late_commands.install(app)
# These objects live as long as the process, so later collections need not examine them. They are not collected first:
# that would take a sixth of the start, and there are only 3,000 unreachable ones among 200,000.
gc.freeze()
gc.set_threshold(10_000, 10, 10)

"""The settings of the shop, as this process has read them, without secrets.

GET /operator/settings    each setting, its value, and whether it comes from the environment
"""

from __future__ import annotations

from flask import Blueprint, render_template

from bot.runtime import shown_settings
from bot.web.operator.access import resources

settings = Blueprint("settings", __name__)


@settings.get("/settings")
def page() -> str:
    return render_template("settings.html", settings=list(shown_settings.of(resources().settings)))

"""Kiosks and their agents in the console.

GET  /operator/kiosks         all kiosks, by town
GET  /operator/kiosks/<id>    one kiosk: its agent, its artisans, its day
POST /operator/kiosks/<id>    corrects names and town; another phone becomes the agent's
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from bot.web.operator import typed
from bot.web.operator.access import reading, writing
from marketplace_api.accounts import operators
from marketplace_api.kiosks import activity
from marketplace_api.kiosks import kiosks as domain
from marketplace_api.models import Artisan
from marketplace_api.schemas.money import Money

kiosks = Blueprint("kiosks", __name__)

FIELDS = {"name": "name of the kiosk", "town": "town", "agent_name": "name of the agent"}
"""The fields that are lines, by name, and what each is."""


@kiosks.get("/kiosks")
def page() -> str:
    with reading() as shop:
        counted = select(Artisan.kiosk_id, func.count()).where(Artisan.status == "active").group_by(Artisan.kiosk_id)
        counts = dict(shop.session.execute(counted).all())
        return render_template("kiosks.html", kiosks=domain.list_all(shop), counts=counts)


@kiosks.get("/kiosks/<id>")
def kiosk(id: str) -> str:
    with reading() as shop:
        found = domain.by_id(shop, id)
        return render_template(
            "kiosk.html",
            kiosk=found,
            day=activity.cash_day(shop, found, shop.today),
            fields=FIELDS,
            acts=operators.acts_about(shop, id),
            own=lambda amount: Money(amount=amount, currency=shop.terms.currency),
        )


@kiosks.post("/kiosks/<id>")
def correct(id: str) -> Response:
    """Correct the kiosk. The log names the fields that changed; the event of the change has their values."""
    lines = {name: typed.line(name, called) for name, called in FIELDS.items()}
    with writing() as shop:
        kiosk = domain.by_id(shop, id)
        values = lines | ({"agent_msisdn": typed.phone(shop, "phone")} if request.form.get("phone") else {})
        changed = {name: value for name, value in values.items() if getattr(kiosk, name) != value}
        if changed:
            domain.update(shop, kiosk, **changed)
            operators.log(shop, "kiosk.corrected", id, after={"changed": list(changed)})
    return redirect(url_for(".kiosk", id=id), 303)

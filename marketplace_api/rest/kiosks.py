"""`/kiosks`."""

from __future__ import annotations

from apiflask import APIBlueprint
from sqlalchemy import select

from marketplace_api import models
from marketplace_api.fields import Body, Line, Msisdn
from marketplace_api.kiosks import kiosks
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.schemas.kiosks import Kiosk

blueprint = APIBlueprint("kiosks", __name__, tag="Kiosks")


class AgentIn(Body):
    """The agent of the kiosk; this phone gets the agent's menu."""

    name: Line
    phone: Msisdn


class KioskIn(Body):
    """A new kiosk."""

    name: Line
    town: Line
    agent: AgentIn


class AgentPatch(Body):
    """The changes of the agent; fields that are left out stay."""

    name: Line | None = None
    phone: Msisdn | None = None


class KioskPatch(Body):
    """The changes of a kiosk; fields that are left out stay."""

    name: Line | None = None
    town: Line | None = None
    agent: AgentPatch | None = None


@blueprint.post("/kiosks")
@requires("kiosks", refusals=(409,))
@idempotent
@blueprint.input(KioskIn)
@blueprint.output(Kiosk, 201)
def open_kiosk(json_data: KioskIn) -> Kiosk:
    """Open a kiosk."""
    kiosk = kiosks.create(
        shop(),
        name=json_data.name,
        town=json_data.town,
        agent_name=json_data.agent.name,
        agent_msisdn=json_data.agent.phone,
    )
    return Kiosk.of(kiosk)


@blueprint.get("/kiosks")
@requires("kiosks")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[Kiosk])
def list_kiosks(query_data: PageQuery) -> Page[Kiosk]:
    """List kiosks, newest first."""
    return newest_first(models.Kiosk, select(models.Kiosk), query_data, Kiosk.of)


@blueprint.get("/kiosks/<id:kiosk_id>")
@requires("kiosks")
@blueprint.output(Kiosk)
def get_kiosk(kiosk_id: str) -> Kiosk:
    """Show a kiosk."""
    return Kiosk.of(kiosks.by_id(shop(), kiosk_id))


@blueprint.patch("/kiosks/<id:kiosk_id>")
@requires("kiosks")
@blueprint.input(KioskPatch)
@blueprint.output(Kiosk)
def change_kiosk(kiosk_id: str, json_data: KioskPatch) -> Kiosk:
    """Change a kiosk or its agent."""
    agent = json_data.agent or AgentPatch()
    kiosk = kiosks.update(
        shop(),
        kiosks.by_id(shop(), kiosk_id),
        name=json_data.name,
        town=json_data.town,
        agent_name=agent.name,
        agent_msisdn=agent.phone,
    )
    return Kiosk.of(kiosk)

"""The log of the console is searched, paged, and saved as CSV."""

from __future__ import annotations

import csv

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import DatabaseError

from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.models import OperatorAct
from tests.bot.fixtures import AKINYI
from tests.bot.web.operator.visitor import logged_in, words
from tests.command_line import run_command
from tests.service import Service


def test_the_log_is_searched_and_saved_and_no_cell_is_a_formula(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.operator.log_pages.A_PAGE", 2)
    monkeypatch.setattr("bot.web.operator.log_pages.READ_AT_ONCE", 2)
    visitor = logged_in(embedded, "read")
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, Actor("operator", "Amos"))
        operators.log(shop, "person.number_seen", "art_1", after={"reason": "=2+2"})
        operators.log(shop, "=1+1", "art_2", before={"status": "placed"}, after={"money": ["a", "b"]})
    said = words(visitor.get("/operator/log"))
    assert "operator:Amos person.number_seen art_1 reason: =2+2" in said
    assert "status: placed money: a; b" in said
    assert "operator.logged_in" not in said
    assert "operator.logged_in" in words(visitor.get("/operator/log?after=3"))
    assert "Nothing is like that" in words(visitor.get("/operator/log?q=%25"))
    assert "art_2" not in words(visitor.get("/operator/log?q=ART_1"))

    rows = list(csv.reader(visitor.get("/operator/log.csv").text.splitlines()))
    assert [row[3] for row in rows] == ["act", "operator.invited", "operator.logged_in", "person.number_seen", "'=1+1"]
    assert rows[3][6] == '{"reason": "=2+2"}'
    assert len(list(csv.reader(visitor.get("/operator/log.csv?q=amos").text.splitlines()))) == 3


def test_a_person_who_is_erased_is_no_longer_in_the_log_which_stays_append_only(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, Actor("operator", "Amos"))
        operators.log(shop, "person.number_seen", "art_1", after={"reason": f"Akinyi Ouma on {AKINYI} is afraid"})
    erased = run_command(service.app, "erase-person", AKINYI, "--yes")
    assert erased.exit_code == 0, erased.output
    with service.services.database.reading() as session:
        (act,) = session.scalars(select(OperatorAct).where(OperatorAct.about == "art_1"))
    assert act.after is not None
    assert "afraid" in act.after["reason"]
    assert AKINYI not in act.after["reason"]
    assert "Akinyi" not in act.after["reason"]
    with service.services.engine.begin() as conn, pytest.raises(DatabaseError, match="append-only"):
        conn.execute(delete(OperatorAct))

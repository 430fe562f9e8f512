"""The log of the console is searched, paged, and saved as CSV."""

from __future__ import annotations

import csv

import pytest

from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from tests.bot.web.operator.visitor import logged_in, words
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

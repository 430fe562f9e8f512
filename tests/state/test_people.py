"""People: the language that they chose, their opt-outs and their opt-ins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from state import people
from state.people import PersonRecord
from state.tables import consent
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
AMINA = "+254711000001"


def proofs(conn: Connection) -> list[tuple[str, str, str, datetime]]:
    rows = select(consent.c.msisdn, consent.c.what, consent.c.how, consent.c.at).order_by(consent.c.id)
    return [tuple(row) for row in conn.execute(rows)]


def test_an_unknown_phone_has_no_record(conn: Connection) -> None:
    assert people.find(conn, AMINA) is None


def test_a_language_is_remembered_and_may_change(conn: Connection) -> None:
    people.set_language(conn, AMINA, "sw", NOW)
    people.set_language(conn, AMINA, "en", LATER)
    assert people.find(conn, AMINA) == PersonRecord(AMINA, "en", NOW, None, None)


def test_an_opt_out_takes_effect_once_and_has_one_proof(conn: Connection) -> None:
    assert people.opt_out(conn, AMINA, "sms: STOP", NOW)
    assert not people.opt_out(conn, AMINA, "sms: ACHA", LATER)
    assert people.find(conn, AMINA) == PersonRecord(AMINA, None, NOW, NOW, "sms: STOP")
    assert proofs(conn) == [(AMINA, "opt_out", "sms: STOP", NOW)]


def test_promotions_are_switched_off_separately_and_an_opt_in_allows_them_again(conn: Connection) -> None:
    assert people.switch_promotions_off(conn, AMINA, "africastalking UserInBlackList", NOW)
    assert not people.switch_promotions_off(conn, AMINA, "africastalking UserInBlackList", LATER)
    found = people.find(conn, AMINA)
    assert found
    assert (found.promotions_off_at, found.opted_out_at) == (NOW, None)
    assert people.opt_in(conn, AMINA, "sms: START", LATER)
    assert people.find_all(conn, [AMINA]) == {AMINA: PersonRecord(AMINA, None, NOW, None, None)}


def test_an_opt_in_undoes_an_opt_out_and_nothing_else(conn: Connection) -> None:
    assert not people.opt_in(conn, AMINA, "sms: START", NOW)
    people.set_language(conn, AMINA, "sw", NOW)
    people.opt_out(conn, AMINA, "sms: STOP", NOW)
    assert people.opt_in(conn, AMINA, "sms: START", LATER)
    assert not people.opt_in(conn, AMINA, "sms: START", LATER)
    assert people.find(conn, AMINA) == PersonRecord(AMINA, "sw", NOW, None, None)
    assert proofs(conn) == [(AMINA, "opt_out", "sms: STOP", NOW), (AMINA, "opt_in", "sms: START", LATER)]


def test_only_one_of_several_concurrent_opt_outs_takes_effect(engine: Engine) -> None:
    def stop(turn: int) -> bool:
        with engine.begin() as conn:
            return people.opt_out(conn, AMINA, f"sms: {turn}", NOW)

    assert together(6, stop).count(True) == 1
    with engine.begin() as conn:
        assert len(proofs(conn)) == 1

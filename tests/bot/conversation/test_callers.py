"""The one statement of a dial says of a caller what the shop and our own tables say by several."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.conversation.calls import LONGEST_CALL
from bot.conversation.hop import load_profile, person_of
from flows.kit import Person
from state import people, processed
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, choose_language, dial, place_order
from tests.recorded_sql import recorded_sql
from tests.service import Service

SELLING = ("1", "Oil lamp", "6", "900", "5", "1")


def by_one_statement(service: Service, msisdn: str) -> Person:
    reader = service.services.conversation.resources.callers
    assert reader
    caller = reader.read(msisdn, "ATUid_1", service.clock() - LONGEST_CALL)
    return person_of(msisdn, caller.profile, caller.known)


def by_the_shop(service: Service, msisdn: str) -> Person:
    resources = service.services.conversation.resources
    with resources.claims.open(msisdn, 0) as claim, resources.context(claim, None) as context:  # type: ignore[arg-type]
        return load_profile(context, None)


@pytest.mark.every_store
def test_a_caller_is_the_same_by_one_statement_and_by_the_shop(service: Service) -> None:
    place_order(service)
    choose_language(service, "sw", AKINYI)
    with service.services.database.writing.begin() as session:
        people.set_keyword_language(session.connection(), NEW_PHONE, "fr", service.clock())
    phones = (AKINYI, OTIENO, JOY, NEW_PHONE, "+254700999999")
    read = [by_one_statement(service, msisdn) for msisdn in phones]

    assert read == [by_the_shop(service, msisdn) for msisdn in phones]
    assert [(person.artisan, person.agent, person.language) for person in read[::3]] == [
        (True, False, "sw"),
        (False, False, "fr"),
    ]
    assert read[1].agent
    assert read[1].kiosk
    assert read[2].locale
    assert read[4] == Person("+254700999999")


@pytest.mark.every_store
def test_what_an_older_call_with_the_same_id_has_done_is_found(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    assert "is on sale" in dial(service, AKINYI, *SELLING)
    now, reader = service.clock(), service.services.conversation.resources.callers
    with service.services.database.reading() as session:
        statement = text("SELECT gateway_session FROM performed WHERE msisdn = :msisdn ORDER BY seq DESC")
        id = session.execute(statement, {"msisdn": AKINYI}).scalars().first()
        for at in (now - timedelta(seconds=1), now + timedelta(seconds=1)):
            expected = processed.has_older(session.connection(), id, AKINYI, at)
            assert reader
            assert reader.read(AKINYI, id, at).has_older == expected == (at > now)


def test_a_dial_is_one_statement_that_reads_no_whole_table(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    with recorded_sql(embedded.services.engine) as executed:
        assert "Sell something" in dial(embedded, AKINYI)
    reader = embedded.services.conversation.resources.callers
    assert reader
    asked = dict.fromkeys(("msisdn", "call_id", "before"), "")
    with embedded.services.engine.connect() as conn:
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {reader.sql}", reader.constants | asked).all()
    # a scan of one row, which another step has found, reads no table
    scanned = [step for *_, step in plan if re.match("SCAN (?!CONSTANT ROW|anon_)", step)]
    assert (executed, scanned) == ([], [])
    assert any("USING INDEX" in row[3] for row in plan)

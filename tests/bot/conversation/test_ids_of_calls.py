"""A gateway may give a new call the id of an older one of the same phone: it is a new call all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.fixtures import AKINYI, choose_language, delete_session, dial, products_titled
from tests.service import Service

SALE = ("1", "Reed basket", "1", "1500", "3", "1")


@pytest.fixture
def one_id(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A gateway that gives every call the same id."""
    choose_language(service, "en", AKINYI)
    monkeypatch.setattr(service.gateway, "_new_id", lambda: "1")
    return service


def sold(service: Service) -> int:
    return len(products_titled(service, "Reed basket"))


@pytest.mark.parametrize("days", [0.01, 1, 6, 8, 13, 20])
def test_a_call_with_the_id_of_an_older_one_performs_its_own_commands(one_id: Service, days: float) -> None:
    """The session of a phone lives for 7 days, what its calls have performed for 14."""
    assert dial(one_id, AKINYI, *SALE).startswith("END Reed basket is on sale")
    one_id.later(days=days)
    assert dial(one_id, AKINYI, *SALE).startswith("END Reed basket is on sale")
    assert sold(one_id) == 2


def test_the_same_holds_after_many_other_calls(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_language(service, "en", AKINYI)
    ids = iter(["old", *map(str, range(6)), "old"])
    monkeypatch.setattr(service.gateway, "_new_id", lambda: next(ids))
    dial(service, AKINYI, *SALE)
    for _ in range(6):
        dial(service, AKINYI, "0")
        service.gateway.hang_up(AKINYI)
    service.later(hours=2)
    assert dial(service, AKINYI, *SALE).startswith("END Reed basket is on sale")
    assert sold(service) == 2


def test_a_call_that_the_session_store_lost_does_not_go_on_where_an_older_one_was(one_id: Service) -> None:
    dial(one_id, AKINYI, *SALE)
    one_id.later(days=8)
    dial(one_id, AKINYI, *SALE[:-1])
    delete_session(one_id, AKINYI)
    assert one_id.gateway.answer(AKINYI, "1").startswith("END Reed basket is on sale")
    assert sold(one_id) == 2

"""Calls while a Redis server is away: they go on when another one has taken over, or end with an apology."""

from __future__ import annotations

from pathlib import Path

from state.redis_sessions import PREFIX
from tests.bot.fixtures import AKINYI, choose_language, seed_shop
from tests.redis_groups import is_replicated, running_cluster, running_watched, wait_for
from tests.service import serving


def test_a_call_goes_on_at_the_replica_that_takes_over(tmp_path: Path) -> None:
    with running_watched() as watched, serving(tmp_path, redis_url=watched.url) as service:
        seed_shop(service)
        choose_language(service, "en", AKINYI)
        assert service.gateway.dial(AKINYI).startswith("CON Soko")
        lost = watched.master()
        wait_for(lambda: is_replicated(lost))
        lost.kill()
        wait_for(lambda: watched.master() is not lost)
        assert service.gateway.answer(AKINYI, "1").startswith("CON What are you selling?")
        assert service.gateway.answer(AKINYI, "Oil lamp").startswith("CON What kind of product")


def test_calls_of_a_master_that_is_away_end_and_the_others_go_on(tmp_path: Path) -> None:
    with running_cluster() as cluster, serving(tmp_path, redis_url=cluster.url) as service:
        phones = [f"+2547110009{number:02}" for number in range(12)]
        for phone in phones:
            assert service.gateway.dial(phone).startswith("CON ")
        away = cluster.master_of(PREFIX + phones[0])
        concerned = {phone for phone in phones if cluster.master_of(PREFIX + phone) is away}
        with away.frozen():
            for phone in sorted(set(phones) - concerned):
                assert service.gateway.answer(phone, "1").startswith("CON ")
            assert service.gateway.answer(phones[0], "1").startswith("END Sorry")
            assert service.http.get("/readyz").status_code == 200

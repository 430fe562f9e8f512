"""The OpenAPI document describes what the API does: schemathesis tries every operation and finds no difference."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from marketplace_api.rest import idempotency
from marketplace_api.rest.access import SCHEME
from tests.bot import fixtures
from tests.http_server import running_app
from tests.runs import cases, is_full, seed
from tests.service import OPERATOR_KEY, serving

Config = dict[str, Any]
"""A part of schemathesis.toml."""


def cursor(*place: object) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


KENYAN_PHONE, FOREIGN_PHONE = "+254712345678", "+447400123456"

# values that no pattern can describe: existing numbers, URLs that webhooks may go to, cursors of lists
schemathesis.openapi.format("phone", st.sampled_from([KENYAN_PHONE, "0712 345 678", FOREIGN_PHONE]))
schemathesis.openapi.format("webhook-url", st.sampled_from(["https://shop.example/soko", "http://127.0.0.1:9/"]))
schemathesis.openapi.format("cursor", st.just(cursor("2026-11-22T09:00:00Z", "prd_1")))
schemathesis.openapi.format("event-cursor", st.just(cursor(1)))
schemathesis.openapi.format("id-cursor", st.just(cursor("msg_1")))
schemathesis.openapi.format("text-cursor", st.just(cursor("2026-11-23", "KES")))


# values that a brief needs to be accepted: most orders in these tests are briefs
_ACCEPTED_VALUES = {"category": "pottery", "due_on": "2026-12-24", "unit_price.currency": "KES"}
BRIEFS: Config = {
    "dictionaries": {name: {"values": [value]} for name, value in _ACCEPTED_VALUES.items()},
    "parameters": {f"body.brief.{name}": {"dictionary": name, "probability": 0.9} for name in _ACCEPTED_VALUES},
}
KEPT_TOTALS = 10
"""Of so many orders one keeps its `expected_total`: a random total is not the right one, so the order is refused."""

_keys = count()


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: object) -> None:
    """Give each request an idempotency key of its own; another body under the same key would be refused.

    Most orders lose their `expected_total`. The rest of a body becomes what no rule beyond the schema refuses: M-PESA
    charges the phone that pays, and a storefront may go on vouching for its orders.
    """
    number = next(_keys)
    if re.fullmatch(idempotency.PATTERN, str((case.headers or {}).get(idempotency.HEADER, ""))):
        case.headers[idempotency.HEADER] = f"key-{number}"
    if isinstance(case.body, dict) and number % KEPT_TOTALS:
        case.body.pop("expected_total", None)
    if isinstance(case.body, dict):
        for part in (case.body, case.body.get("payment")):
            if isinstance(part, dict) and part.get("phone") == FOREIGN_PHONE:
                part["phone"] = KENYAN_PHONE
        if case.body.get("may_vouch") is False:
            case.body["may_vouch"] = True


EXAMPLES = cases(30, least=12)
"""Random requests to each operation, beside those at the bounds of its schema; `--examples` takes another number."""
ONE_BY_ONE: Config = {"stateful": {"enabled": False}}
ALONG_THE_LINKS: Config = {
    "enabled": False,
    # only the links that the document states; schemathesis could guess more
    "stateful": {"enabled": True, "max-steps": 20, "inference": {"algorithms": []}},
}
# always the same walks: the shop keeps its data, and schemathesis stops at the first answer that differs
WALKS: Config = {"max-examples": cases(180, least=30), "deterministic": True}


@pytest.fixture
def generation(pytestconfig: pytest.Config) -> Config:
    """The same examples in every run, or with `--examples` other examples in each run, so that long runs find more."""
    asked: int | None = pytestconfig.getoption("--examples")
    return {"max-examples": asked or EXAMPLES, "deterministic": asked is None}


@pytest.fixture
def document(tmp_path: Path) -> Iterator[str]:
    """The URL of the document, in a running shop with data."""
    with serving(tmp_path) as service:
        fixtures.seed_shop(service)
        fixtures.received_order(service)
        service.gateway.text(fixtures.JOY, "CALL")
        service.work()
        with running_app(from_other_addresses(service.app)) as url:
            yield f"{url}/api/v1/openapi.json"


def from_other_addresses(app: WSGIApplication) -> WSGIApplication:
    """The application, asked from another address each time: one address may leave its key out 20 times a minute."""
    addresses = count()

    def asked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = f"2001:db8:{next(addresses):x}::1"
        return app(environ, start_response)

    return asked


def test_schemathesis_finds_nothing(document: str, generation: Config) -> None:
    """A usual run tries one operation in ten, others with each seed."""
    run = run_schemathesis(document, generation, ONE_BY_ONE, among=lambda every: every if is_full() else every // 10)
    assert run.findings == []
    assert run.tried == run.operations != set()


def test_schemathesis_finds_nothing_along_the_links(document: str) -> None:
    run = run_schemathesis(document, WALKS, ALONG_THE_LINKS, among=lambda every: every)
    assert run.findings == []
    sources = {source for source, _ in run.followed}
    made = {"POST /orders", "POST /kiosks", "POST /webhook-endpoints"}
    assert made <= sources if is_full() else made & sources  # the shop's answers decide which links a few walks follow


@dataclass
class FuzzRun:
    """What schemathesis did: the operations it tried, the links it followed, and its findings."""

    operations: set[str]
    tried: set[str] = field(default_factory=set)
    followed: set[tuple[str, str]] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)

    def note(self, scenario: ScenarioRecorder) -> None:
        for case in scenario.cases.values():
            self.tried.add(case.value.operation.label)
            if case.transition is not None and case.is_transition_applied:
                source = scenario.cases[case.transition.parent_id]
                self.followed.add((source.value.operation.label, case.value.operation.label))
        for checks in scenario.checks.values():
            failures = [check.failure_info for check in checks if check.failure_info is not None]
            self.findings += [f"{failure.failure}\n{failure.code_sample}" for failure in failures]


def run_schemathesis(document: str, generation: Config, phases: Config, *, among: Callable[[int], int]) -> FuzzRun:
    """Run all checks of schemathesis in these phases, on so many of all operations."""
    config = SchemathesisConfig.from_dict(
        {
            "auth": {"openapi": {SCHEME: {"bearer": OPERATOR_KEY}}},
            "generation": generation,
            "phases": phases,
            **BRIEFS,
        }
    )
    schema = schemathesis.openapi.from_url(document, config=config)
    every = sorted(operation.ok().label for operation in schema.get_all_operations())
    run = FuzzRun(set(Random(seed()).sample(every, among(len(every)))))
    chosen = schema.include(lambda context: context.operation.label in run.operations)
    for event in from_schema(chosen).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            run.findings.append(str(event))
        if isinstance(event, events.ScenarioFinished):
            run.note(event.recorder)
    return run

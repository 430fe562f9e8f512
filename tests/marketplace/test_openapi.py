"""The OpenAPI document says what is true: schemathesis reads it, tries everything and finds nothing."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from marketplace_api.rest import repeats
from marketplace_api.rest.access import SCHEME
from tests.bot import scenes
from tests.marketplace.served import served
from tests.service import OPERATOR_KEY, serving


def cursor(*place: object) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


# what no pattern can say: numbers that are somebody's, where webhooks may go, cursors that lists gave
schemathesis.openapi.format("phone", st.sampled_from(["+254712345678", "0712 345 678", "+447400123456"]))
schemathesis.openapi.format("webhook-url", st.sampled_from(["https://shop.example/soko", "http://127.0.0.1:9/"]))
schemathesis.openapi.format("cursor", st.just(cursor("2026-11-22T09:00:00Z", "prd_1")))
schemathesis.openapi.format("event-cursor", st.just(cursor(1)))
schemathesis.openapi.format("id-cursor", st.just(cursor("msg_1")))
schemathesis.openapi.format("text-cursor", st.just(cursor("2026-11-23", "KES")))


_keys = count()


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: object) -> None:
    """A key for each request: a second body under the same one would be refused, and rightly so."""
    if re.fullmatch(repeats.PATTERN, str((case.headers or {}).get(repeats.HEADER, ""))):
        case.headers[repeats.HEADER] = f"key-{next(_keys)}"


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        scenes.furnish(service)
        scenes.received(service)
        service.gateway.text(scenes.JOY, "CALL")
        service.work()
        with served(service.app) as url:
            assert list(findings(f"{url}/api/v1/openapi.json")) == []


def findings(url: str) -> Iterator[str]:
    """Whatever any check of schemathesis has against the document at `url`, with a command that shows it."""
    config = SchemathesisConfig.from_dict(
        {
            "auth": {"openapi": {SCHEME: {"bearer": OPERATOR_KEY}}},
            "generation": {"max-examples": 60, "deterministic": True},
        }
    )
    schema = schemathesis.openapi.from_url(url, config=config)
    tried: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            yield str(event)
        if isinstance(event, events.ScenarioFinished):
            tried.add(event.recorder.label)
            for checks in event.recorder.checks.values():
                for check in checks:
                    if check.failure_info is not None:
                        yield f"{check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
    operations = {operation.ok().label for operation in schema.get_all_operations()}
    yield from (f"{label} was not tried" for label in operations - tried)

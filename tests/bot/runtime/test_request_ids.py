"""`X-Request-Id` connects an answer with the lines that were logged for it."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest

from bot.runtime import logs
from tests.bot.runtime.test_logs import capture_log
from tests.service import Service


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/api/v1/products", "/api/v1/orders", "/api/v1/x"])
def test_every_answer_has_an_id_of_its_own(embedded: Service, path: str) -> None:
    one, other = (embedded.http.get(path).headers.getlist("X-Request-Id") for _ in range(2))
    assert len(one) == len(other) == 1
    assert one != other


def test_the_id_of_a_request_is_returned_in_its_answer(embedded: Service) -> None:
    sent = {"X-Request-Id": "3f2a.web-1:7"}
    assert embedded.http.get("/api/v1/products", headers=sent).headers["X-Request-Id"] == "3f2a.web-1:7"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "é", "<script>"])
def test_an_id_with_other_characters_is_replaced(embedded: Service, sent: str) -> None:
    answered = embedded.http.get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert answered != sent
    assert answered


def test_the_id_is_in_every_line_logged_for_the_request_and_in_no_other(embedded: Service) -> None:
    @embedded.app.get("/noisy")
    def noisy() -> str:
        logging.getLogger("some.module").warning("something happened")
        return ""

    logs.configure(as_json=True)
    log: StringIO = capture_log()
    answer = embedded.http.get("/noisy")
    logging.getLogger("some.module").warning("later")
    during, after = (json.loads(line) for line in log.getvalue().splitlines())
    assert during["request_id"] == answer.headers["X-Request-Id"]
    assert "request_id" not in after

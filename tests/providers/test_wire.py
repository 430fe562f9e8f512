"""Every row of every provider's table: what the provider posts and answers, and that no secret is logged."""

from __future__ import annotations

import pytest

from bot.providers import africastalking as africastalking_adapter
from bot.providers import daraja as daraja_adapter
from bot.providers import mpesa_callbacks, registry
from bot.providers import mpesa_express as express_adapter
from bot.providers import twilio as twilio_adapter
from tests.providers import wire
from tests.providers.rows import africastalking, daraja, mpesa_express, stripe_checkout, twilio
from tests.providers.stand_in import StandIn
from tests.providers.wire import AnswerRow, CallbackRow, WireTable

TABLES = (africastalking.TABLE, twilio.TABLE, daraja.TABLE, mpesa_express.TABLE, stripe_checkout.TABLE)


def numbered(table: WireTable, rows: object) -> list[str]:
    return [f"{table.provider.name}-{number}" for number, _ in enumerate(rows)]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("table", "row"),
    [(table, row) for table in TABLES for row in table.callbacks],
    ids=[name for table in TABLES for name in numbered(table, table.callbacks)],
)
def test_the_service_is_told_what_a_callback_says(
    table: WireTable, row: CallbackRow, caplog: pytest.LogCaptureFixture
) -> None:
    wire.check_callback(table, row, caplog)


@pytest.mark.parametrize(
    ("table", "row"),
    [(table, row) for table in TABLES for row in table.answers],
    ids=[name for table in TABLES for name in numbered(table, table.answers)],
)
def test_an_answer_of_the_api_means_one_thing(
    table: WireTable, row: AnswerRow, api: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    wire.check_answer(table, row, api, caplog)


def test_every_provider_has_a_table() -> None:
    assert [table.provider for table in TABLES] == list(registry.PROVIDERS)


def test_every_code_that_an_adapter_knows_is_in_its_table() -> None:
    assert {str(code) for code, _ in africastalking.CODES} - {"777"} == africastalking_adapter._REFUSALS.keys()
    reported = "".join(str(row.body) for row in africastalking.CALLBACKS)
    assert [name for name in africastalking_adapter._FAILURES if name not in reported] == []
    assert {str(code) for code, _ in twilio.CODES} - {"29999"} == twilio_adapter._FAILURES.keys()
    assert mpesa_express.CHARGE_CODES == express_adapter._RESULTS
    assert mpesa_express.REFUND_CODES == mpesa_callbacks._REFUND_RESULTS
    assert daraja.RESULT_CODES | {"4": "nobody"} == daraja_adapter._RESULTS

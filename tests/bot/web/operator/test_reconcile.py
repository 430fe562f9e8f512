"""Statements of providers in the console: uploaded, compared in words, and rows that are entered as an act."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, stream_encode_multipart

from bot.app import LARGEST_REQUEST
from bot.web.operator.reconcile_pages import NO_DAY, NO_DAYS, NO_FILE, NO_PROVIDER
from marketplace_api.models import LedgerEntry
from tests.bot.fixtures import JOY, POT, products_titled, received_order
from tests.bot.web.operator.visitor import Visitor, logged_in, words
from tests.service import Service

PAGE = "/operator/money/reconcile"
STRIPE = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id\n"
MOVED = STRIPE + (
    "txn_1,2026-11-23 08:00:00,kes,100.00,0,0,topup,tu_1,\n"
    "txn_2,2026-11-23 08:00:00,kes,-40.00,0,0,payout,po_1,\n"
    "txn_3,2026-11-23 08:00:00,kes,0,1.50,0,fee,fee_1,\n"
)


def upload(visitor: Visitor, file: bytes | str | None, source: str = "collector:stripe", day: str = "") -> TestResponse:
    content = file.encode() if isinstance(file, str) else file
    fields = {"csrf_token": visitor.token(), "source": source, "day": day}
    sent = fields if content is None else {**fields, "file": FileStorage(io.BytesIO(content), "statement.csv", "file")}
    body, _, boundary = stream_encode_multipart(sent, use_tempfile=False)
    content_type = f'multipart/form-data; boundary="{boundary}"'
    visitor.page = visitor.client.post(PAGE, data=body.read(), content_type=content_type)
    return visitor.page


def entries(service: Service) -> int:
    with service.services.database.reading() as session:
        return len(session.scalars(select(LedgerEntry.id)).all())


def test_the_statement_of_m_pesa_is_compared_and_its_charges_are_entered(embedded: Service) -> None:
    (pot,) = products_titled(embedded, POT)
    embedded.order(pot["id"], 1, JOY, by_mpesa=True)
    embedded.work()
    embedded.answer_prompt(JOY, "1234")
    embedded.work()
    file = embedded.http.get("/simulator/statements/mpesa").data
    visitor = logged_in(embedded, "money")
    said = words(upload(visitor, file, "collector:simulator"))
    assert "1 paid in and 0 given back are the same by both." in said
    assert "Not entered yet: 1" in said
    before = entries(embedded)
    assert "of fees is entered." in words(visitor.submit("/check"))
    assert entries(embedded) == before, "it is tried only"
    assert visitor.submit("/book-statement/collector:simulator").headers["Location"] == f"{PAGE}?done=book-statement"
    assert entries(embedded) == before + 1
    assert "There is no difference." in words(upload(visitor, file, "collector:simulator"))


def test_rows_of_stripe_are_entered_once(embedded: Service) -> None:
    visitor, before = logged_in(embedded), entries(embedded)
    said = words(upload(visitor, MOVED))
    for part in (
        "Not entered yet: 3",
        "tu_1, KSh 100 topped up",
        "po_1, KSh 40 paid to our bank",
        "fee_1, KSh 1.50 kept",
    ):
        assert part in said
    found = visitor.page
    said = words(visitor.submit("/check"))
    for part in (
        "KES 100 leaves our bank account.",
        "KES 40 comes to our bank account.",
        "KES 1.50 of fees is entered.",
    ):
        assert part in said
    checked = visitor.page
    assert visitor.submit("/collector:stripe").status_code == 303
    assert entries(embedded) == before + 3
    visitor.page = checked
    assert visitor.submit("/collector:stripe").status_code == 409
    visitor.page = found
    assert "No money moves." in words(visitor.submit("/check"))
    assert entries(embedded) == before + 3


def test_payouts_are_compared_with_the_statement_of_who_paid_them(embedded: Service) -> None:
    received_order(embedded)
    embedded.later(minutes=10)
    (payout,) = embedded.api("GET", "/payouts?status=paid")["data"]
    row = "{},23-11-2026 11:05:00,Business Payment,{}"
    heading, reference = "Receipt No.,Completion Time,Details,Withdrawn", payout["provider_reference"]
    visitor = logged_in(embedded, "read")
    file = "\n".join([heading, row.format(reference, "-1620.00")])
    assert "1 payouts, KSh 1,620, are the same by both. There is no difference." in words(
        upload(visitor, file, "payer:simulator")
    )
    file = "\n".join([heading, row.format(reference, "-1600.00"), row.format("SG999", "-5.00")])
    said = words(upload(visitor, file, "payer:simulator"))
    assert f"is KSh 1,600, and our payout {payout['code']} KSh 1,620" in said
    assert "Missing in our books: 1" in said


@pytest.mark.parametrize(
    ("file", "source", "day", "refused"),
    [
        (None, "collector:stripe", "", NO_FILE),
        (MOVED, "collector:nobody", "", NO_PROVIDER),
        (MOVED, "", "", NO_PROVIDER),
        (MOVED, "collector:stripe", "yesterday", NO_DAY),
        (STRIPE, "collector:stripe", "", NO_DAYS),
        (b"PK\x03\x04\xff\xfe", "collector:stripe", "", "statement.csv: this is not text in UTF-8"),
        ("a,b\n1,2\n", "collector:mpesa", "", "no line has the headings of M-PESA's or Stripe's statement"),
        ("a,b\n1,2\n", "payer:daraja", "", "no line names a column for receipts"),
        (MOVED.replace("100.00", "lots"), "collector:stripe", "", "line 2: `lots` is not an amount"),
        (MOVED.replace("100.00", '"100'), "collector:stripe", "", "this is not CSV"),
    ],
)
def test_a_wrong_file_is_refused_in_words_and_nothing_is_stored(
    embedded: Service, file: bytes | str | None, source: str, day: str, refused: str
) -> None:
    before = entries(embedded)
    answer = upload(logged_in(embedded, "money"), file, source, day)
    assert (answer.status_code, refused in words(answer)) == (422, True), words(answer)
    assert entries(embedded) == before


def test_a_file_that_is_too_large_is_refused_in_words(embedded: Service) -> None:
    visitor = logged_in(embedded, "money")
    largest = upload(visitor, MOVED + "\n" * (LARGEST_REQUEST - 4096))
    assert largest.status_code == 200
    answer = upload(visitor, MOVED + "\n" * LARGEST_REQUEST)
    assert (answer.status_code, "This file is too large: at most 1 MB." in words(answer)) == (413, True)


def test_rows_that_no_page_of_ours_made_are_refused(embedded: Service) -> None:
    visitor, before = logged_in(embedded, "money"), entries(embedded)
    acts = "/operator/money/acts/book-statement"
    for rows in ("", "[]", "nonsense", '[["gift", "x", 1, "KES"]]', '[["fee", "x", -1, "KES"]]'):
        assert visitor.send(f"{acts}/collector:stripe/check", rows=rows).status_code in (400, 422), rows
    good = '[["fee", "x", 1, "KES"]]'
    assert visitor.send(f"{acts}/artisan:x/check", rows=good).status_code == 404
    assert visitor.get(f"{acts}/collector:stripe").headers["Location"] == PAGE
    assert entries(embedded) == before

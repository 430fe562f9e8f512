"""What Africa's Talking posts and answers, body by body."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from msgspec.structs import replace

from bot.providers.africastalking import PROVIDER
from bot.providers.contracts import DeliveryReport, Inbound, Receipt, SessionEnd
from bot.providers.errors import Reason
from state.messages import ReportedStatus
from tests.providers.wire import FINAL, FORM, LATER, SMS, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable

KEY = "atsk_very_secret"
SESSION = "ATUid_9c2f1d7b4a6e4f0f8f2a6d0f5b1c3e77"
MESSAGE = "ATXid_4f1c2d3e5a6b7c8d9e0f112233445566"
AMINA = "+254711000111"
CALL = f"sessionId={SESSION}&phoneNumber=%2B254711000111&networkCode=63902&serviceCode=%2A384%2A22%23"
END = (
    f"date=2026-11-22+09%3A15%3A31&sessionId={SESSION}&serviceCode=%2A384%2A22%23&networkCode=63902"
    "&phoneNumber=%2B254711000111&cost=KES+0.10&durationInMillis=180112&hopsCount=2"
    "&input=1%2A1234&lastAppResponse=CON+Your+PIN%3A"
)
TEXT = "from=%2B254711000111&to=22384&networkCode=63902"
LATIN_1 = f"{FORM}; charset=ISO-8859-1"
AT_0920 = datetime(2026, 11, 22, 9, 20, 5, tzinfo=UTC)


# What it posts


def hop(text: str) -> Inbound:
    return Inbound("ussd", "africastalking", SESSION, AMINA, "*384*22#", text)


def sms(id: str, text: str, sent_at: datetime | None = AT_0920) -> Inbound:
    return Inbound("sms", "africastalking", id, AMINA, "22384", text, sent_at=sent_at)


def end(*, incomplete: bool, status: str, **more: str) -> SessionEnd:
    facts = {
        "date": "2026-11-22 09:15:31",
        "status": status,
        "networkCode": "63902",
        "serviceCode": "*384*22#",
        "cost": "KES 0.10",
        "durationInMillis": "180112",
        "hopsCount": "2",
    }
    return SessionEnd("africastalking", SESSION, AMINA, incomplete, facts | more)


def report(
    status: ReportedStatus | None,
    raw: str,
    reason: Reason | None = None,
    detail: str | None = None,
    msisdn: str | None = None,
) -> DeliveryReport:
    return DeliveryReport("africastalking", MESSAGE, status, reason, detail, raw, msisdn)


def posted(path: str, body: str | bytes, *told: object, status: int = 200, content_type: str = FORM) -> CallbackRow:
    return CallbackRow(f"/webhooks/africastalking/{{secret}}/{path}", body, told, status, content_type)


def failed(field: str, reason: Reason, detail: str) -> CallbackRow:
    return posted(
        "delivery",
        f"id={MESSAGE}&status=Failed&failureReason={field}&retryCount=3",
        report("failed", "Failed", reason, detail),
    )


CALLBACKS = [
    posted("ussd", f"{CALL}&text=", hop("")),
    posted("ussd", f"{CALL}&text=1%2A2", hop("1*2")),
    posted("ussd", f"{CALL}&text=3%2A1", hop("3*1")),
    posted("ussd", f"{CALL}&text=1%2A2%2ABasket+3%2A4+inch", hop("1*2*Basket 3*4 inch")),
    posted("ussd", f"{CALL}&text=%E1%8A%A0%E1%88%9B%E1%88%AD%E1%8A%9B", hop("አማርኛ")),
    posted("ussd", f"{CALL}&text=1".replace("%2B", "+"), hop("1")),
    posted("ussd-events", f"{END}&status=Incomplete", end(incomplete=True, status="Incomplete")),
    posted("ussd-events", f"{END}&status=Success", end(incomplete=False, status="Success")),
    posted(
        "ussd-events",
        f"{END}&status=Failed&errorMessage=Application+did+not+respond",
        end(incomplete=False, status="Failed", errorMessage="Application did not respond"),
    ),
    posted("ussd-events", f"sessionId={SESSION}", SessionEnd("africastalking", SESSION, None, False)),
    posted(
        "sms",
        f"{TEXT}&date=2026-11-22+09%3A20%3A05&id=m1&linkId=28a9&text=SELL+basket+1500&cost=KES+1.00",
        sms("m1", "SELL basket 1500"),
    ),
    posted("sms", f"{TEXT}&date=2026-11-22T09%3A20%3A05Z&id=m2&text=STOP", sms("m2", "STOP")),
    posted("sms", f"{TEXT}&date=2026-11-22T12%3A20%3A05%2B03%3A00&id=m3&text=HELP", sms("m3", "HELP")),
    posted("sms", f"{TEXT}&date=yesterday&id=m4&text=", sms("m4", "", None)),
    posted("sms", f"{TEXT}&date=0001-01-01T00%3A00%3A00%2B01%3A00&id=m6&text=HELP", sms("m6", "HELP", None)),
    posted("sms", f"{TEXT}&date=9999-12-31T23%3A59%3A59-01%3A00&id=m7&text=HELP", sms("m7", "HELP", None)),
    posted("sms", f"{TEXT}&id=m5&text=kikapu+%F0%9F%A7%BA".replace("%2B", "+"), sms("m5", "kikapu 🧺", None)),
    posted("delivery", f"id={MESSAGE}&status=Sent", report("sent", "Sent")),
    posted("delivery", f"id={MESSAGE}&status=Submitted", report("sent", "Submitted")),
    posted("delivery", f"id={MESSAGE}&status=Buffered&phoneNumber=%2B2547", report("sent", "Buffered")),
    posted("delivery", f"id={MESSAGE}&status=Success&networkCode=63902", report("delivered", "Success")),
    posted(
        "delivery",
        f"id={MESSAGE}&status=Success&phoneNumber=%2B254711000111",
        report("delivered", "Success", msisdn=AMINA),
    ),
    posted("delivery", f"id={MESSAGE}&status=Teleported", report(None, "Teleported")),
    posted(
        "delivery",
        f"id={MESSAGE}&status=Rejected&failureReason=userinblacklist",
        report("failed", "Rejected", Reason.BLOCKED_PROMOTIONS, "UserInBlackList"),
    ),
    posted(
        "delivery",
        f"id={MESSAGE}&status=AbsentSubscriber",
        report("failed", "AbsentSubscriber", Reason.REFUSED, "AbsentSubscriber"),
    ),
    posted("delivery", f"id={MESSAGE}&status=Expired", report("failed", "Expired", Reason.REFUSED, "Expired")),
    posted("delivery", f"id={MESSAGE}&status=Failed", report("failed", "Failed", Reason.REFUSED, "DeliveryFailure")),
    failed("InsufficientCredit", Reason.INSUFFICIENT_FUNDS, "InsufficientCredit"),
    failed("InvalidLinkId", Reason.MISCONFIGURED, "InvalidLinkId"),
    failed("UserIsInactive", Reason.INVALID_RECIPIENT, "UserIsInactive"),
    failed("UserInBlackList", Reason.BLOCKED_PROMOTIONS, "UserInBlackList"),
    failed("UserAccountSuspended", Reason.INVALID_RECIPIENT, "UserAccountSuspended"),
    failed("NotNetworkSubscriber", Reason.INVALID_RECIPIENT, "NotNetworkSubscriber"),
    failed("NotNetworkSubcriber", Reason.INVALID_RECIPIENT, "NotNetworkSubscriber"),
    failed("UserNotSubscribedToProduct", Reason.INVALID_RECIPIENT, "UserNotSubscribedToProduct"),
    failed("UserDoesNotExist", Reason.INVALID_RECIPIENT, "UserDoesNotExist"),
    failed("DeliveryFailure", Reason.REFUSED, "DeliveryFailure"),
    failed("DoNotDisturbRejection", Reason.REFUSED, "DoNotDisturbRejection"),
    failed("SomethingNew", Reason.REFUSED, "DeliveryFailure"),
    posted("optout", "senderId=SOKO&phoneNumber=%2B254711000111", (AMINA, "africastalking opt-out from SOKO")),
    # a sender that is no phone
    posted("sms", "from=MPESA&id=m9&text=Confirmed&to=22384", replace(sms("m9", "Confirmed", None), msisdn="MPESA")),
    posted("sms", "from=40404&id=m9&text=Airtime&to=22384", replace(sms("m9", "Airtime", None), msisdn="40404")),
    posted("optout", "senderId=SOKO&phoneNumber=SOKO"),
    # control characters
    posted("ussd", f"{CALL}&text=1%00%1B%2A2%7F", hop("1*2")),
    posted("sms", "from=%2B254711000111&to=22384&id=a%00b&text=mama%00gmail.com", sms("ab", "mamagmail.com", None)),
    posted("sms", "from=%2B254711000111&to=22384&id=m1&text=YES%0D%0AK7P4%09%C2%85", sms("m1", "YES\r\nK7P4\t", None)),
    posted("delivery", f"id=%00{MESSAGE}&status=Suc%00cess", report("delivered", "Success")),
    posted("optout", "senderId=a%00b&phoneNumber=%2B254711000111", (AMINA, "africastalking opt-out from ab")),
    posted("ussd-events", f"sessionId={SESSION}%00", SessionEnd("africastalking", SESSION, None, False)),
    # bytes that are no UTF-8
    posted("sms", f"{TEXT}&id=m1&text=RELEV%C9", sms("m1", "RELEV\ufffd", None)),
    posted("sms", f"{TEXT}&id=m1&text=RELEV".encode() + b"\xc9", sms("m1", "RELEV\ufffd", None)),
    posted("sms", f"{TEXT}&id=m1&text=RELEV%C9", sms("m1", "RELEVÉ", None), content_type=LATIN_1),
    posted("sms", f"{TEXT}&id=m1&text=%E2%82%AC", sms("m1", "€", None), content_type=LATIN_1),
    posted("sms", f"{TEXT}&id=m1&text=%80", sms("m1", "€", None), content_type=f"{FORM}; charset=windows-1252"),
    posted("sms", f"{TEXT}&id=m1&text=a%FFb", sms("m1", "a\ufffdb", None), content_type=f"{FORM}; charset=utf-7"),
    posted("sms", f"{TEXT}&id=m1&text=a%FFb", sms("m1", "a\ufffdb", None), content_type=f"{FORM}; charset=nonsense"),
    posted("ussd", f"{CALL}&text=".encode() + b"1\xc9", hop("1\ufffd")),
    posted("ussd", f"{CALL}&text=".encode() + b"1\xc9", hop("1É"), content_type=LATIN_1),
    # times that mean none
    posted("sms", f"{TEXT}&date=0001-01-01T00%3A00%3A00&id=m6&text=HELP", sms("m6", "HELP", None)),
    posted("sms", f"{TEXT}&date=1970-01-01+00%3A00%3A00&id=m6&text=HELP", sms("m6", "HELP", None)),
    # fields as long as they may be, and longer
    posted("sms", f"{TEXT}&id={'i' * 200}&text={'t' * 2000}", sms("i" * 200, "t" * 2000, None)),
    posted("sms", f"{TEXT}&id={'i' * 201}&text=t", status=413),
    posted("sms", f"{TEXT}&id=m1&text={'t' * 2001}", status=413),
    posted("sms", f"{TEXT}&id=m1&text=t&more={'m' * 9000}", sms("m1", "t", None)),
    posted("delivery", f"id={'i' * 201}&status=Success", status=413),
    posted("delivery", f"id={MESSAGE}&status={'S' * 201}", status=413),
    posted("optout", f"senderId={'S' * 201}&phoneNumber=%2B254711000111", status=413),
    posted("ussd-events", f"sessionId={'i' * 201}", status=413),
    posted("ussd", f"{CALL}&text={'1' * 2001}"),
    posted("ussd", f"sessionId={'i' * 201}&phoneNumber=%2B254711000111&text="),
]


# What it answers


def answer(*recipients: dict[str, object], message: str = "Sent to 1/1 Total Cost: KES 0.8000") -> bytes:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}}).encode()


def recipient(code: int, status: str, id: str = "None", cost: str = "0") -> dict[str, object]:
    return {
        "statusCode": code,
        "number": SMS.msisdn,
        "status": status,
        "cost": cost,
        "messageId": id,
        "messageParts": 1,
    }


SENT = answer(recipient(101, "Success", MESSAGE, "KES 0.8000"))
CODES = [
    (401, Failed("RiskHold", Reason.REFUSED, FINAL)),
    (402, Failed("InvalidSenderId", Reason.MISCONFIGURED, FINAL)),
    (403, Failed("InvalidPhoneNumber", Reason.INVALID_RECIPIENT, FINAL)),
    (404, Failed("UnsupportedNumberType", Reason.INVALID_RECIPIENT, FINAL)),
    (405, Failed("InsufficientBalance", Reason.INSUFFICIENT_FUNDS, LATER)),
    (406, Failed("UserInBlacklist", Reason.BLOCKED_PROMOTIONS, FINAL)),
    (407, Failed("CouldNotRoute", Reason.REFUSED, FINAL)),
    (409, Failed("DoNotDisturbRejection", Reason.REFUSED, FINAL)),
    (500, Failed("InternalServerError", Reason.PROVIDER_DOWN, LATER)),
    (501, Failed("GatewayError", Reason.PROVIDER_DOWN, LATER)),
    (502, Failed("RejectedByGateway", Reason.REFUSED, FINAL)),
    (777, Failed("SomethingNew", Reason.REFUSED, FINAL)),
]
UNREADABLE = Failed("unreadable_answer", Reason.UNREADABLE, LATER)
SILENT = Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)

ANSWERS = [
    AnswerRow(201, answer(recipient(100, "Processed", MESSAGE, "KES 0.8000")), Receipt(MESSAGE, cost="KES 0.8000")),
    AnswerRow(201, answer(recipient(101, "Success", MESSAGE, "KES 1.6000")), Receipt(MESSAGE, cost="KES 1.6000")),
    AnswerRow(201, answer(recipient(102, "Success", MESSAGE, "KES 0.8000")), Receipt(MESSAGE, cost="KES 0.8000")),
    AnswerRow(201, answer({"statusCode": 101, "messageId": MESSAGE}), Receipt(MESSAGE)),
    AnswerRow(201, answer(recipient(101, "Success", "None")), Receipt(None, cost="0")),
    AnswerRow(201, answer(recipient(101, "Success", "ATX\0id", "KES\0 1")), Receipt("ATXid", cost="KES 1")),
    AnswerRow(201, answer(recipient(777, "New\0Word")), Failed("NewWord", Reason.REFUSED, FINAL)),
    AnswerRow(201, SENT, Receipt(MESSAGE, cost="KES 0.8000"), "application/json; charset=utf-8"),
    *(AnswerRow(201, answer(recipient(code, failure.detail)), failure) for code, failure in CODES),
    *(AnswerRow(201, answer(message=failure.detail), failure) for _, failure in CODES),
    AnswerRow(
        401,
        b"The supplied authentication is invalid",
        Failed("http_401", Reason.MISCONFIGURED, FINAL),
        "text/plain",
    ),
    AnswerRow(200, b"<html>Log in to this network</html>", UNREADABLE, "text/html"),
    AnswerRow(201, b"", UNREADABLE),
    # it took the call, and does not say what became of the message
    AnswerRow(201, b"{}", SILENT),
    AnswerRow(201, b'{"SMSMessageData":{"Message":"Sent","Recipients":[{"status":"Success"}]}}', SILENT),
    AnswerRow(201, b'{"SMSMessageData":{"Message":"Sent"}}', SILENT),
    AnswerRow(201, b'{"SMSMessageData":{"Message":null,"Recipients":[]}}', SILENT),
    AnswerRow(201, b'{"SMSMessageData":{"Message":"InvalidSenderId"}}', CODES[1][1]),
    AnswerRow(201, answer(recipient(101, "Success", MESSAGE) | {"statusCode": "101"}), Receipt(MESSAGE, cost="0")),
    AnswerRow(201, answer(recipient(403, "Odd") | {"statusCode": 403.0}), CODES[2][1]),
    AnswerRow(302, b"", Failed("http_302", Reason.UNREADABLE, LATER)),
    AnswerRow(400, b"nonsense", Failed("http_400", Reason.REFUSED, FINAL)),
    AnswerRow(403, b"", Failed("http_403", Reason.REFUSED, FINAL)),
    AnswerRow(408, b"", Failed("http_408", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(429, b"", Failed("http_429", Reason.THROTTLED, LATER)),
    AnswerRow(500, b"", Failed("http_500", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(503, b"<html>down</html>", Failed("http_503", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(None, b"", Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)),
]

TABLE = WireTable(
    provider=PROVIDER,
    settings={"at_username": "soko", "at_api_key": KEY, "at_sender_id": "SOKO"},
    base_url="at_base_url",
    callbacks=CALLBACKS,
    answers=ANSWERS,
    decides=("SMSMessageData", "Recipients", "statusCode"),
    secrets=[KEY, "1234"],
)

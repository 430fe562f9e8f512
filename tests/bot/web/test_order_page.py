"""The secret page of an order: who finds it, what it says at each step, and what its buyer can do there."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest
from werkzeug.test import TestResponse

from bot.providers.collector_contracts import NotCapturedReason
from bot.web import order_page
from bot.web.order_links import InvalidOrderLinkError, OrderLinks
from marketplace_api.models import BuyerPayment, Order
from marketplace_api.orders import orders, paying, receiving
from marketplace_api.payments import buyer_payments, exchange
from marketplace_api.shop import Shop
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, OTIENO, POT, dial, pay, products_titled, submit_form, submit_hidden
from tests.bot.web.test_metrics import metrics_of
from tests.service import Service

Result = TypeVar("Result")
ID = "ord_" + "4k2x9" * 4
LINKS = OrderLinks("https://soko.example", [b"a key", b"an older key"])


def order_path(service: Service, **fields: str) -> str:
    """The path of the page of a new order for two pots."""
    (pot,) = products_titled(service, POT)
    answer = submit_form(service, pot["code"], "form", **({"quantity": "2"} | fields))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def act(service: Service, perform: Callable[[Shop, Order], Result]) -> Result:
    """Perform something with the only order."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        return perform(shop, session.query(Order).one())


def order_id(service: Service) -> str:
    return act(service, lambda _, order: order.id)


def move(service: Service, step: Callable[[Shop, str], BuyerPayment]) -> None:
    """Move the newest payment of the only order."""
    act(service, lambda shop, order: step(shop, order.payments[-1].id))


def show(service: Service, path: str) -> TestResponse:
    return service.http.get(path)


def status(page: TestResponse) -> str:
    found = re.search(r'<main [^>]*data-status="(\w+)"', page.text)
    assert found is not None
    return found[1]


def heading(page: TestResponse) -> str:
    found = re.search("<h1>(.+?)</h1>", page.text)
    assert found is not None
    return found[1]


def line(page: TestResponse, words: str) -> str:
    """The amount in a line of the sum."""
    found = re.search(rf"<dt>{words}</dt><dd>(.+?)</dd>", page.text)
    assert found is not None, words
    return found[1].replace("\xa0", " ")


# -- links


def test_a_link_is_long_safe_in_urls_and_leads_to_its_order_alone() -> None:
    token = LINKS.token(ID)
    assert re.fullmatch("[A-Za-z0-9_-]{42}", token)
    assert LINKS.order_id(token) == ID
    assert LINKS.link(ID) == f"https://soko.example/o/{token}"


def test_a_link_that_an_older_key_signed_is_valid_and_one_of_another_key_is_not() -> None:
    assert LINKS.order_id(OrderLinks("", [b"an older key"]).token(ID)) == ID
    with pytest.raises(InvalidOrderLinkError):
        LINKS.order_id(OrderLinks("", [b"another key"]).token(ID))


@pytest.mark.parametrize("place", range(42))
def test_no_character_of_a_link_can_be_changed(place: int) -> None:
    token = LINKS.token(ID)
    changed = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
    with pytest.raises(InvalidOrderLinkError):
        LINKS.order_id(changed)


@pytest.mark.parametrize("token", ["", "a", "é" * 42, "a" * 22, LINKS.token(ID)[:-1], LINKS.token(ID) + "A"])
def test_what_is_no_link_of_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidOrderLinkError):
        LINKS.order_id(token)


def test_a_wrong_link_is_404_counted_and_not_logged(embedded: Service, capsys: pytest.CaptureFixture[str]) -> None:
    path = order_path(embedded)
    wrong = path[:-1] + ("A" if path[-1] != "A" else "E")
    answers = [embedded.http.get(wrong), embedded.http.post(f"{wrong}/pay"), embedded.http.post(f"{wrong}/cancel")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert "There is no such order" in answers[0].text
    embedded.http.get("/metrics")  # writes the counts of this process
    assert metrics_of(embedded)["soko_strangers_total[wrong_order_link]"] == 3
    assert wrong not in capsys.readouterr().out
    assert act(embedded, lambda _, order: order.status) == "unpaid"


def test_a_page_is_kept_by_nobody_and_names_its_address_to_nobody(embedded: Service) -> None:
    path = order_path(embedded)
    for page in (show(embedded, path), show(embedded, path + "x")):
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert '<meta name="robots" content="noindex">' in page.text
    assert JOY not in show(embedded, path).text


# -- paying


def test_the_page_tells_each_step_of_a_prompt_and_looks_again_until_it_is_answered(service: Service) -> None:
    path = order_path(service)
    page = show(service, path)
    assert (status(page), heading(page)) == ("unpaid", "One moment")
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert refresh in page.text
    assert "<form" not in page.text.split("Where is it?")[0]

    move(service, buyer_payments.begin_asking)
    page = show(service, path)
    assert heading(page) == "Look at your phone"
    assert "On the phone that ends with 333, a prompt asks you to pay KES\xa03,600." in page.text
    assert refresh in page.text

    move(service, buyer_payments.mark_unknown)
    page = show(service, path)
    assert heading(page) == "We are finding out"
    assert refresh in page.text

    move(service, lambda shop, payment_id: paying.settle_captured(shop, payment_id, "SG6ABC"))
    page = show(service, path)
    assert (status(page), heading(page)) == ("placed", "Thank you")
    assert "It is paid. We asked Akinyi Ouma to make it." in page.text
    assert line(page, "Paid by M-PESA, receipt SG6ABC") == "KES 3,600"
    assert line(page, "Still to pay") == "KES 0"
    assert refresh not in page.text


def test_a_card_is_paid_on_the_page_of_the_collector(embedded: Service) -> None:
    act_in_shop(embedded, lambda shop: exchange.set_rate(shop, "USD", Decimal(100), Decimal(0)))
    path = order_path(embedded, **{"payment.by": "card", "payment.currency": "USD"})
    assert "We prepare the page on which you pay USD\xa036 by card." in show(embedded, path).text

    move(embedded, buyer_payments.begin_asking)
    move(embedded, lambda shop, id: buyer_payments.set_asked(shop, id, "cs_1", "https://pay.example/cs_1?a=1&b=2"))
    page = show(embedded, path)
    assert 'href="https://pay.example/cs_1?a=1&amp;b=2" rel="noreferrer">Pay USD\xa036 by card</a>' in page.text

    move(embedded, lambda shop, payment_id: paying.settle_captured(shop, payment_id, "pi_1"))
    page = show(embedded, path)
    assert "https://pay.example" not in page.text
    assert line(page, "Paid by card, receipt pi_1") == "USD 36"


def test_a_buyer_who_chose_a_card_can_choose_again(embedded: Service) -> None:
    path = order_path(embedded, **{"payment.by": "card"})
    move(embedded, buyer_payments.begin_asking)
    move(embedded, lambda shop, id: buyer_payments.set_asked(shop, id, "cs_1", "https://pay.example/cs_1"))
    embedded.clock.advance(10)
    answer = submit_hidden(embedded, show(embedded, path), f"{path}/again")
    page = show(embedded, path)

    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert (heading(page), "https://pay.example" in page.text) == ("One moment", False)
    assert act(embedded, lambda shop, order: order.payments[-1].expires_at <= shop.now)
    move(embedded, buyer_payments.lapse)  # as its job does
    assert heading(show(embedded, path)) == "Not paid yet"


def test_a_prompt_on_a_phone_is_not_ended_by_choosing_again(embedded: Service) -> None:
    path = order_path(embedded)
    move(embedded, buyer_payments.begin_asking)
    assert submit_hidden(embedded, show(embedded, path), f"{path}/again").status_code == 303
    assert heading(show(embedded, path)) == "Look at your phone"


def act_in_shop(service: Service, perform: Callable[[Shop], object]) -> None:
    with service.services.database.writing.begin() as session:
        perform(service.services.shop(session, TESTER))


def test_every_failure_has_words_that_say_what_to_do() -> None:
    assert set(order_page.FAILURES) == {reason.value for reason in NotCapturedReason}


@pytest.mark.parametrize("reason", NotCapturedReason)
def test_a_failure_is_told_and_can_be_paid_again(embedded: Service, reason: NotCapturedReason) -> None:
    path = order_path(embedded)
    move(embedded, buyer_payments.begin_asking)
    move(embedded, lambda shop, payment_id: buyer_payments.fail(shop, payment_id, reason.value, "code 1"))
    page = show(embedded, path)

    assert (status(page), heading(page)) == ("unpaid", "Not paid yet")
    assert order_page.FAILURES[reason.value] in page.text
    assert "code 1" not in page.text
    assert "We hold it for you for another 15 minutes." in page.text
    embedded.clock.advance(1)
    again = submit_hidden(embedded, page, f"{path}/pay", **{"payment.by": "mpesa", "payment.phone": "0799000999"})
    assert (again.status_code, again.headers["Location"]) == (303, path)
    assert "On the phone" not in show(embedded, path).text
    move(embedded, buyer_payments.begin_asking)
    assert "On the phone that ends with 999, a prompt asks you to pay" in show(embedded, path).text


def test_a_payment_whose_time_is_over_can_be_made_by_card(embedded: Service) -> None:
    path = order_path(embedded)
    move(embedded, buyer_payments.begin_asking)
    move(embedded, buyer_payments.lapse)
    page = show(embedded, path)
    assert order_page.FAILURES["expired"] in page.text

    embedded.clock.advance(1)
    submit_hidden(embedded, page, f"{path}/pay", **{"payment.by": "card", "payment.currency": "KES"})
    payment = act(embedded, lambda _, order: order.payments[-1])
    assert (payment.method, payment.return_url) == ("card", f"{embedded.settings.url}{path}")


def test_a_button_that_is_pressed_twice_asks_once(service: Service) -> None:
    path = order_path(service)
    move(service, buyer_payments.begin_asking)
    move(service, lambda shop, payment_id: buyer_payments.fail(shop, payment_id, "cancelled", ""))
    page = show(service, path)
    answers = [submit_hidden(service, page, f"{path}/pay") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert act(service, lambda _, order: len(order.payments)) == 2


REFUSED = {
    "a phone abroad": ({"payment.phone": "+256772000333"}, 422, "payment.phone", "M-PESA cannot charge this phone."),
    "no phone": ({"payment.phone": "12"}, 422, "payment.phone", "is not a mobile number"),
    "no rate": (
        {"payment.by": "card", "payment.currency": "EUR"},
        409,
        "payment.currency",
        "We have no exchange rate of today",
    ),
    "no such way": ({"payment.by": "cash"}, 422, "payment.by", "takes `by`"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_way_to_pay_that_is_refused_is_told_beside_its_field(embedded: Service, what: str) -> None:
    path = order_path(embedded)
    move(embedded, buyer_payments.begin_asking)
    move(embedded, buyer_payments.lapse)
    fields, code, place, words = REFUSED[what]
    answer = submit_hidden(embedded, show(embedded, path), f"{path}/pay", **({"payment.by": "mpesa"} | fields))

    assert answer.status_code == code
    assert f'id="{place}-refusal">{words}' in answer.text
    assert act(embedded, lambda _, order: len(order.payments)) == 1


def test_an_address_that_tries_too_often_is_refused_in_words(embedded: Service) -> None:
    path = order_path(embedded)
    page = show(embedded, path)
    act(embedded, buyer_payments.drop_unasked)
    answers = [submit_hidden(embedded, show(embedded, path), f"{path}/pay") for _ in range(11)]

    assert page.status_code == 200
    assert [answer.status_code for answer in answers] == [303] * 10 + [429]
    assert "There were too many tries. Please try again in" in answers[-1].text


def test_an_order_that_was_not_paid_in_time_says_so(service: Service) -> None:
    path = order_path(service)
    service.later(minutes=16)
    page = show(service, path)

    assert (status(page), heading(page)) == ("expired", "It is not ordered")
    assert "You have nothing to pay." in page.text
    assert line(page, "Still to pay") == "KES 0"


def test_money_that_came_too_late_is_shown_as_going_back(embedded: Service) -> None:
    path = order_path(embedded)
    move(embedded, buyer_payments.begin_asking)
    act(embedded, orders.expire)
    move(embedded, lambda shop, payment_id: paying.settle_captured(shop, payment_id, "SG6LATE"))
    page = show(embedded, path)

    assert status(page) == "expired"
    assert line(page, "Paid by M-PESA, receipt SG6LATE") == "KES 3,600"
    assert line(page, "Paid too late: goes back to you") == "KES 3,600"


# -- after it is paid


def test_the_page_follows_the_order_to_the_buyers_door(embedded: Service) -> None:
    path = order_path(embedded)
    pay(embedded, order_id(embedded))
    embedded.gateway.text(AKINYI, f"YES {act(embedded, lambda _, order: order.code)}")
    page = show(embedded, path)
    assert (status(page), heading(page)) == ("accepted", "It is being made")
    assert "Akinyi Ouma earns KES\xa03,240 of it." in page.text
    assert "Cancel the order" not in page.text

    dial(embedded, OTIENO, "1", "1", act(embedded, lambda _, order: order.code), "2", "1")
    assert status(show(embedded, path)) == "at_kiosk"
    act(embedded, lambda shop, order: orders.ship(shop, order, "G4S", "TRK 7"))
    page = show(embedded, path)
    assert (status(page), heading(page)) == ("shipped", "It is on its way")
    assert "G4S brings it to Nairobi, Kenya. The tracking number is <strong>TRK 7</strong>." in page.text
    act(embedded, orders.deliver)
    assert status(show(embedded, path)) == "delivered"


def test_a_part_that_is_not_made_goes_back_and_is_shown(embedded: Service) -> None:
    path = order_path(embedded)
    pay(embedded, order_id(embedded))
    embedded.gateway.text(AKINYI, f"YES {act(embedded, lambda _, order: order.code)} 1")
    page = show(embedded, path)

    assert line(page, "Total") == "KES 1,800"
    assert line(page, "Fewer pieces: goes back to you") == "KES 1,800"


def test_the_page_says_how_to_ask_by_text(embedded: Service) -> None:
    page = show(embedded, order_path(embedded)).text
    code = act(embedded, lambda _, order: order.code)
    assert f"text TRACK {code} to 22384 from your phone that ends with 333." in page


# -- cancelling


@pytest.mark.parametrize("is_paid", [False, True])
def test_an_order_is_cancelled_until_its_artisan_has_accepted_it(service: Service, is_paid: bool) -> None:
    path = order_path(service)
    if is_paid:
        pay(service, order_id(service))
    page = show(service, path)
    answers = [submit_hidden(service, page, f"{path}/cancel") for _ in range(2)]
    page = show(service, path)

    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(303, path)] * 2
    assert (status(page), heading(page)) == ("cancelled", "It is cancelled")
    assert ("What you paid goes back to you." in page.text) == is_paid
    assert ("Not made: goes back to you" in page.text) == is_paid
    assert service.api("GET", f"/orders/{order_id(service)}")["payment_status"] == ("refunded" if is_paid else "unpaid")


def test_an_order_that_is_being_made_is_not_cancelled(embedded: Service) -> None:
    path = order_path(embedded)
    pay(embedded, order_id(embedded))
    page = show(embedded, path)
    embedded.gateway.text(AKINYI, f"YES {act(embedded, lambda _, order: order.code)}")
    answer = submit_hidden(embedded, page, f"{path}/cancel")

    assert answer.status_code == 409
    assert "This order cannot be cancelled any more. Nothing was changed." in answer.text
    assert status(answer) == "accepted"


@pytest.mark.parametrize("what", ["pay", "again", "cancel"])
@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil"])
def test_a_form_that_another_page_sends_does_nothing(embedded: Service, what: str, origin: str) -> None:
    path = order_path(embedded)
    act(embedded, buyer_payments.drop_unasked)
    hidden = re.findall(r'name="token" value="([^"]+)"', show(embedded, path).text)[0]
    answer = embedded.http.post(f"{path}/{what}", data={"token": hidden}, headers={"Origin": origin})

    assert answer.status_code == 403
    assert order_page.NOT_OUR_FORM in answer.text
    assert act(embedded, lambda _, order: (order.status, len(order.payments))) == ("unpaid", 1)


@pytest.mark.parametrize("what", ["pay", "again", "cancel"])
@pytest.mark.parametrize("token", ["", "WyJLN1A0Il0.c2lnbmF0dXJl"])
def test_a_form_that_is_not_ours_does_nothing(embedded: Service, what: str, token: str) -> None:
    path = order_path(embedded)
    answer = embedded.http.post(f"{path}/{what}", data={"token": token})

    assert answer.status_code == 403
    assert act(embedded, lambda _, order: (order.status, len(order.payments))) == ("unpaid", 1)
    embedded.http.get("/metrics")  # writes the counts of this process
    assert metrics_of(embedded)["soko_strangers_total[wrong_form]"] == 1


@pytest.mark.parametrize("origin", ["null", "http://localhost", None])
def test_the_page_itself_may_send_its_forms(embedded: Service, origin: str | None) -> None:
    """With `Referrer-Policy: no-referrer`, browsers send `Origin: null`."""
    path = order_path(embedded)
    hidden = re.findall(r'name="token" value="([^"]+)"', show(embedded, path).text)[0]
    headers = {"Origin": origin} if origin else {}
    assert embedded.http.post(f"{path}/cancel", data={"token": hidden}, headers=headers).status_code == 303


def test_the_page_is_in_the_language_of_the_browser_and_is_never_stored(embedded: Service) -> None:
    placed = submit_form(embedded, products_titled(embedded, POT)[0]["code"], "key")
    page = embedded.http.get(f"{placed.headers['Location']}?lang=sw", headers={"Accept-Language": "fr"})

    assert '<html lang="sw">' in page.text
    assert "Angalia simu yako" in page.text or "Subiri kidogo" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert '<html lang="fr">' in embedded.http.get(placed.headers["Location"], headers={"Accept-Language": "fr"}).text


# -- after it was sent


def shipped(service: Service) -> str:
    """The path of the page of an order that is on its way."""
    path = order_path(service)
    pay(service, order_id(service))
    act(service, ship)
    return path


def ship(shop: Shop, order: Order) -> None:
    part = order.assignments[0]
    orders.accept(shop, part.artisan, order.code)
    receiving.receive(shop, part.artisan.kiosk, part.id, 2)
    orders.ship(shop, order, "Posta", "RR1")


def test_a_buyer_says_that_it_has_come_as_by_text(embedded: Service) -> None:
    path = shipped(embedded)
    page = show(embedded, path)
    answers = [submit_hidden(embedded, page, f"{path}/received") for _ in range(2)]

    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(303, path)] * 2
    assert (status(show(embedded, path)), heading(show(embedded, path))) == ("delivered", "It has come")
    events = embedded.api("GET", "/events")["data"]
    assert [event["type"] for event in events].count("order.delivered") == 1


def test_what_was_not_sent_has_not_come(embedded: Service) -> None:
    path = order_path(embedded)
    pay(embedded, order_id(embedded))
    answer = submit_hidden(embedded, show(embedded, path), f"{path}/received")

    assert (answer.status_code, status(answer)) == (409, "placed")
    assert "It has not been sent to you, so nothing was changed." in answer.text


def test_it_is_ordered_again_with_as_many_pieces_to_the_same_country(embedded: Service) -> None:
    path = shipped(embedded)
    again = re.findall(r'<a class="" href="([^"]+)">Order it again', show(embedded, path).text)
    assert [html.unescape(address) for address in again] == [
        f"/products/{products_titled(embedded, POT)[0]['code']}?pieces=2&to=KE"
    ]


# -- problems


def problem(service: Service, path: str, kind: str, words: str = "", page: TestResponse | None = None) -> TestResponse:
    return submit_hidden(service, page or show(service, path), f"{path}/report", problem=kind, words=words)


def waiting_at_the_desk(service: Service) -> list[dict[str, object]]:
    found: list[dict[str, object]] = service.api("GET", "/help-requests?status=open")["data"]
    return found


def test_a_reported_problem_waits_at_the_desk_once_and_the_buyer_reads_what_is_next(service: Service) -> None:
    path = shipped(service)
    page = show(service, path)
    answers = [problem(service, path, "damaged", "The  lid\x00 is <broken>", page) for _ in range(2)]
    answers.append(problem(service, path, "money", page=page))  # from a page that another tab still shows

    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(303, path)] * 3
    (waiting,) = waiting_at_the_desk(service)
    assert waiting["phone"] == JOY
    assert waiting | {"id": "", "created_at": "", "phone": ""} == {
        "id": "",
        "created_at": "",
        "phone": "",
        "closed_at": None,
        "order_id": order_id(service),
        "problem": "damaged",
        "words": "The lid is <broken>",
    }
    page = show(service, path)
    assert "We have received it: It came damaged." in page.text
    assert "Somebody calls you soon on the phone that ends with 333, or texts you." in page.text
    assert "The lid is &lt;broken&gt;" in page.text
    assert f'action="{path}/report' not in page.text

    service.api("POST", f"/help-requests/{waiting['id']}/close")
    assert problem(service, path, "not_come").status_code == 303
    assert [request["problem"] for request in waiting_at_the_desk(service)] == ["not_come"]


def test_a_problem_is_noted_in_the_request_of_a_buyer_who_waits_for_a_call_already(embedded: Service) -> None:
    path = shipped(embedded)
    embedded.gateway.text(JOY, "CALL")
    problem(embedded, path, "wrong")
    assert [request["problem"] for request in waiting_at_the_desk(embedded)] == ["wrong"]


@pytest.mark.parametrize(
    ("kind", "words", "refusal"),
    [
        ("", "It is blue", "Please choose one of these."),
        ("stolen", "", "Please choose one of these."),
        ("other", " \x07 ", "Please fill this in."),
        ("other", "x" * 501, "We cannot take this. Please use fewer and plain characters."),
    ],
)
def test_a_report_that_cannot_be_used_is_shown_again_with_what_is_wrong(
    embedded: Service, kind: str, words: str, refusal: str
) -> None:
    path = shipped(embedded)
    answer = problem(embedded, path, kind, words)

    assert answer.status_code == 422
    assert "Nothing was reported. Please correct what is marked." in answer.text
    assert refusal in answer.text
    assert waiting_at_the_desk(embedded) == []


def test_nobody_is_called_about_an_order_that_was_never_paid(embedded: Service) -> None:
    path = order_path(embedded)
    page = show(embedded, path)
    assert f"{path}/report" not in page.text
    assert problem(embedded, path, "money", page=page).status_code == 409
    assert waiting_at_the_desk(embedded) == []

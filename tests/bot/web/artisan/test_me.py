"""The pages of artisans: who gets in, what they show, and that they do what a call or a text does."""

from __future__ import annotations

import html
import re
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from bot.web.artisan.access import COOKIE
from marketplace_api.accounts import artisans
from marketplace_api.models import Artisan, ArtisanLogIn, ArtisanSession
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, NEW_PHONE, OTIENO, place_order, products_titled
from tests.service import Service

WANJIKU = "+254711000102"
LARGEST_PAGE = 60_000
"""In bytes, with its style, without pictures."""


class ArtisansBrowser:
    """A browser without scripts."""

    def __init__(self, service: Service) -> None:
        self.service, self.client = service, Client(service.app)
        self.page: TestResponse = self.get("/me")

    def get(self, path: str) -> TestResponse:
        self.page = self.client.get(path)
        return self.page

    def send(self, path: str, page: TestResponse | None = None, **fields: object) -> TestResponse:
        """Sends a form with the token of the page that is shown, or of another one."""
        token = re.search(r'name="token" value="([^"]+)"', (page or self.page).text)
        self.page = self.client.post(path, data={"token": token[1] if token else ""} | fields)
        return self.page

    def log_in(self, msisdn: str = AKINYI) -> TestResponse:
        self.send("/me/code", phone=msisdn)
        answer = self.send("/me/log-in", phone=msisdn, code=texted_code(self.service, msisdn))
        assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (303, "/me")
        return self.get("/me")


@pytest.fixture
def browser(embedded: Service) -> ArtisansBrowser:
    return ArtisansBrowser(embedded)


def texted_code(service: Service, msisdn: str) -> str:
    """The last one that the phone got."""
    codes = [found[0] for text in service.inbox(msisdn) if (found := re.search(r"\b\d{6}\b", text))]
    return codes[-1]


def register_wanjiku(service: Service) -> None:
    """Another artisan, of the same kiosk."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        kiosk_id = session.query(Artisan).filter_by(msisdn=AKINYI).one().kiosk_id
        artisans.register(
            shop,
            name="Wanjiku Kamau",
            msisdn=WANJIKU,
            language="en",
            craft="beadwork",
            kiosk_id=kiosk_id,
            payout_method="kiosk_cash",
            payout_msisdn=None,
        )


def words(page: TestResponse) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page.text)).split())


def photo() -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (400, 300), "brown").save(file, "JPEG")
    return BytesIO(file.getvalue())


def rows(service: Service, table: type[ArtisanLogIn | ArtisanSession]) -> list[ArtisanLogIn | ArtisanSession]:
    with service.services.database.reading() as session:
        return list(session.query(table))


# -- logging in


def test_the_answer_is_the_same_whether_a_phone_is_an_artisans_or_not(browser: ArtisansBrowser) -> None:
    known, unknown = (browser.send("/me/code", phone=phone) for phone in (AKINYI, NEW_PHONE))
    assert known.status_code == unknown.status_code == 200
    assert known.text.replace(AKINYI, "") == unknown.text.replace(NEW_PHONE, "")
    assert browser.service.inbox(NEW_PHONE) == []
    assert len(browser.service.inbox(AKINYI)) == 1


def test_a_code_logs_in_once_and_the_database_has_hashes_alone(browser: ArtisansBrowser) -> None:
    service = browser.service
    assert "Akinyi Ouma" in words(browser.log_in())
    code, cookie = texted_code(service, AKINYI), browser.client.get_cookie(COOKIE, path="/me")

    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/me")
    (session,) = rows(service, ArtisanSession)
    assert cookie.value not in session.hash
    assert browser.send("/me/log-in", phone=AKINYI, code=code).status_code == 422
    assert rows(service, ArtisanLogIn) == []


def test_a_code_is_good_for_its_own_phone_and_ten_minutes_and_the_newest_alone(browser: ArtisansBrowser) -> None:
    browser.send("/me/code", phone=AKINYI)
    first = texted_code(browser.service, AKINYI)
    assert browser.send("/me/log-in", phone=OTIENO, code=first).status_code == 422
    browser.send("/me/code", phone=AKINYI)
    second = texted_code(browser.service, AKINYI)
    assert browser.send("/me/log-in", phone=AKINYI, code=first).status_code == 422
    browser.service.clock.advance(600)
    answer = browser.send("/me/log-in", phone=AKINYI, code=second)
    assert answer.status_code == 422
    assert "This code is wrong or too old." in words(answer)


def test_five_wrong_codes_void_the_right_one(browser: ArtisansBrowser) -> None:
    browser.send("/me/code", phone=AKINYI)
    code = texted_code(browser.service, AKINYI)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    answers = [browser.send("/me/log-in", phone=AKINYI, code=typed) for typed in (*[wrong] * 5, code)]
    assert [answer.status_code for answer in answers] == [422] * 6


def test_codes_and_tries_are_limited_for_each_phone_known_or_not(browser: ArtisansBrowser) -> None:
    for phone in (AKINYI, NEW_PHONE):
        asked = [browser.send("/me/code", phone=phone).status_code for _ in range(6)]
        assert asked == [200] * 5 + [429]
        assert "There were too many tries. Please try again in 60 minutes." in words(browser.page)
        typed = [browser.send("/me/log-in", phone=phone, code="1").status_code for _ in range(11)]
        assert typed == [422] * 10 + [429]


def test_a_session_ends_by_logging_out_here_or_everywhere_or_by_time(browser: ArtisansBrowser) -> None:
    other = ArtisansBrowser(browser.service)
    browser.log_in()
    other.log_in()
    browser.send("/me/log-out")
    assert "Text me a code" in words(browser.get("/me"))
    assert "Akinyi Ouma" in words(other.get("/me"))

    browser.log_in()
    browser.send("/me/log-out", everywhere="yes")
    assert "Text me a code" in words(other.get("/me"))

    browser.log_in()
    browser.service.clock.advance(15 * 86_400)
    assert "Text me a code" in words(browser.get("/me"))


@pytest.mark.parametrize("path", ["/me", "/me/new"])
def test_strangers_and_forms_of_others_do_nothing(browser: ArtisansBrowser, path: str) -> None:
    order = place_order(browser.service)
    mat = {"title": "Mat", "category": "other", "price": "100", "quantity": "1"}
    fields = {"act": "decline", "code": order["code"]} | mat
    assert browser.send(path, **fields).status_code == 303
    register_wanjiku(browser.service)
    page = browser.log_in(WANJIKU)
    browser.log_in(AKINYI)
    browser.send(path, page, **fields)  # with the token of another artisan
    assert "This form did not come from this page" in words(browser.page)
    assert browser.service.api("GET", f"/orders/{order['id']}")["status"] == "placed"
    assert products_titled(browser.service, "Mat") == []


# -- orders


def test_an_order_is_accepted_and_made_in_the_words_of_the_dialogues(browser: ArtisansBrowser) -> None:
    service, order = browser.service, place_order(browser.service, 2)
    page = browser.log_in()
    assert "2 × Clay water pot" in words(page)
    answers = [
        browser.send("/me", page, act="accept", code=order["code"], part="2", days="5") for _ in range(2)
    ]  # the second is the page loaded again
    for answer in answers:
        assert answer.status_code == 200
        assert f"Order {order['code']} is yours: 2 x Clay water pot." in words(answer)
    assert service.api("GET", f"/orders/{order['id']}")["assignments"][0]["promised_on"] is not None
    assert [event for event in service.events() if event == "order.accepted"] == ["order.accepted"]

    assert f"Order {order['code']} is ready." in words(browser.send("/me", act="ready", code=order["code"]))
    assert "You have said that it is ready." in words(browser.get("/me"))


def test_an_order_is_declined(browser: ArtisansBrowser) -> None:
    order = place_order(browser.service)
    browser.log_in()
    assert f"You declined order {order['code']}." in words(browser.send("/me", act="decline", code=order["code"]))
    assert browser.service.api("GET", f"/orders/{order['id']}")["status"] == "declined"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"part": "9"}, "is for 2, not more."),
        ({"part": "2", "days": "99"}, "1 to 60"),
        ({"code": "Z9Z9"}, "You have no order Z9Z9."),
    ],
)
def test_what_a_call_would_refuse_is_refused_here(
    browser: ArtisansBrowser, fields: dict[str, str], refusal: str
) -> None:
    order = place_order(browser.service, 2)
    browser.log_in()
    answer = browser.send("/me", **({"act": "accept", "code": order["code"]} | fields))
    assert answer.status_code == 422
    assert refusal in words(answer)
    assert browser.service.api("GET", f"/orders/{order['id']}")["status"] == "placed"


# -- goods


def test_something_is_put_on_sale_once_with_its_photo(browser: ArtisansBrowser) -> None:
    browser.log_in()
    page = browser.get("/me/new")
    offer = {"title": "Water jug", "category": "pottery", "price": "1,200", "quantity": "3"}
    for _ in range(2):
        answer = browser.send("/me/new", page, **offer, photo=(photo(), "jug.jpg"))
        assert answer.status_code == 200
        assert "Water jug is on sale at KSh 1,200." in words(answer)
    (jug,) = products_titled(browser.service, "Water jug")
    assert (jug["price"]["amount"], jug["quantity"], jug["category"], len(jug["photos"])) == (120000, 3, "pottery", 1)
    assert urlsplit(jug["photos"][0]["thumbnail_url"]).path in answer.text

    browser.send("/me/new", page, **offer | {"title": "Milk jug"})  # the form of before, filled in again
    assert len(products_titled(browser.service, "Milk jug")) == 1


def test_a_photo_that_cannot_be_read_leaves_the_product_on_sale_and_says_so(browser: ArtisansBrowser) -> None:
    browser.log_in()
    browser.get("/me/new")
    offer = {"title": "Water jug", "category": "pottery", "price": "1200", "quantity": "3"}
    answer = browser.send("/me/new", **offer, photo=(BytesIO(b"no picture"), "jug.jpg"))
    assert "Water jug is on sale at KSh 1,200." in words(answer)
    assert "We cannot read that." in words(answer)


def test_a_form_for_goods_says_what_is_wrong_and_asks_about_a_high_price(browser: ArtisansBrowser) -> None:
    browser.log_in()
    offer = {"title": "Water jug", "category": "pottery", "price": "150000", "quantity": "3"}
    for field, typed in (("title", "www.x.com"), ("category", "cars"), ("price", "5"), ("quantity", "0")):
        answer = browser.send("/me/new", browser.get("/me/new"), **offer | {field: typed})
        assert answer.status_code == 422, field
        assert 'role="alert"' in answer.text

    answer = browser.send("/me/new", browser.get("/me/new"), **offer)
    assert "The price is KSh 150,000 for one. Is that right?" in words(answer)
    assert 'name="dear"' in answer.text
    assert products_titled(browser.service, "Water jug") == []
    assert "Water jug is on sale" in words(browser.send("/me/new", **offer, dear="yes"))


# -- the pages


def test_the_pages_are_in_her_language_private_small_and_without_scripts(browser: ArtisansBrowser) -> None:
    service = browser.service
    orders = [place_order(service, 1) for _ in range(3)]
    service.gateway.text(AKINYI, "LANG kiswahili")
    browser.log_in()
    style = len(browser.get("/static/me.css").data)
    for path in ("/me", "/me/new"):
        page = browser.get(path)
        assert '<html lang="sw">' in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "<script" not in page.text
        assert " style=" not in page.text
        assert len(page.data) + style < LARGEST_PAGE
    row = len(browser.get("/me").data) / len(orders)  # more than a row takes, as the rest of the page is in it
    assert row * 20 + style < LARGEST_PAGE


def test_an_artisan_who_leaves_is_logged_out(browser: ArtisansBrowser) -> None:
    browser.log_in()
    with browser.service.services.database.writing.begin() as session:
        (log_in,) = session.query(ArtisanSession)
        log_in.artisan.status = "left"
    assert "Text me a code" in words(browser.get("/me"))

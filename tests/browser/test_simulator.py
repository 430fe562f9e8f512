"""The simulator in a real browser, used as a new user does, on the real service."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from playwright.sync_api import Locator, Page, expect

AMINA = "+254711000987"
NEWCOMER = "+254733000401"

JOINING = {"name": "Amina Wekesa", "craft": "Baskets", "kiosk": "1", "paid|money": "this phone"}
SELLING = {"selling": "Kiondo basket", "kind": "Baskets", "price": "1500", "how many": "3"}


class Handset:
    """One phone on the page, and what its user does."""

    def __init__(self, page: Page, role: str) -> None:
        self.root = page.locator(f"#{role}")
        self.screen = self.root.locator(".screen")

    def insert_sim(self, msisdn: str) -> None:
        self.root.get_by_label("Number of this phone").fill(msisdn)
        self.root.get_by_label("Number of this phone").press("Enter")

    def press(self, keys: str) -> None:
        names = {"*": "star", "#": "hash"}
        for key in keys:
            self.root.get_by_role("button", name=names.get(key, key), exact=True).click()

    def send(self) -> str:
        """Press the green key and wait for the answer."""
        before = self.root.page.locator(".wire li").count()
        self.root.locator(".send").click()
        expect(self.root.page.locator(".wire li")).not_to_have_count(before)
        expect(self.screen).not_to_have_text("…")
        return self.screen.inner_text()

    def dial(self) -> str:
        self.tab("Phone")
        return self.send()

    def type(self, answer: str) -> str:
        self.root.get_by_label("Number to dial, or your answer").fill(answer)
        return self.send()

    def choose(self, label: str) -> str:
        """Type the number of the option whose line contains `label`."""
        return self.type(option(self.screen.inner_text(), label))

    def hang_up(self) -> None:
        self.root.get_by_role("button", name="End", exact=True).click()

    def tab(self, name: str) -> None:
        self.root.get_by_role("tab", name=name).click()

    def text(self, words: str) -> None:
        self.tab("Texts")
        self.root.get_by_placeholder("Text to").fill(words)
        self.root.locator(".send").click()

    def received(self, words: str | re.Pattern[str]) -> Locator:
        """The received texts that contain these words."""
        return self.root.locator(".inbox .theirs", has_text=words)

    @property
    def calling(self) -> bool:
        """True while a call is open."""
        return "calling" in (self.root.get_attribute("class") or "")


def option(screen: str, label: str) -> str:
    """The number in front of the line that contains `label`."""
    found = re.search(rf"^(\d+)\. .*{re.escape(label)}", screen, re.MULTILINE | re.IGNORECASE)
    assert found, f"{label!r} is not offered by {screen!r}"
    return found[1]


def answer(screen: str, answers: Mapping[str, str]) -> str:
    """What to type on `screen`: its question's answer, as a number where options are listed."""
    question = screen.splitlines()[0]
    if confirming := re.search(r"^(\d+)\. (Yes|Confirm)", screen, re.MULTILINE):
        return confirming[1]
    reply = next((reply for asked, reply in answers.items() if re.search(asked, question, re.IGNORECASE)), None)
    assert reply, f"no answer to {screen!r}"
    return option(screen, reply) if re.search(r"^1\. ", screen, re.MULTILINE) and not reply.isdecimal() else reply


def finish_call(handset: Handset, answers: Mapping[str, str]) -> None:
    """Answer each question until the call ends."""
    while handset.calling:
        handset.type(answer(handset.screen.inner_text(), answers))


def open_menu(handset: Handset) -> None:
    """Dial, and choose English if the phone is new here."""
    if "English" in handset.dial():
        handset.choose("English")


@pytest.fixture
def simulator(page: Page, live_server: str) -> Page:
    page.goto(f"{live_server}/simulator")
    page.locator("main[data-ready]").wait_for()
    return page


def test_the_keypad_dials_and_answers_and_the_red_key_ends_the_call(simulator: Page) -> None:
    buyer = Handset(simulator, "buyer")
    buyer.insert_sim(NEWCOMER)
    buyer.press("*384*22#")
    assert "English" in buyer.send()
    assert buyer.calling
    buyer.press(option(buyer.screen.inner_text(), "English"))
    assert "Track an order" in buyer.send()
    buyer.hang_up()
    expect(simulator.locator(".wire summary").first).to_contain_text("ussd-events")
    expect(buyer.screen).to_contain_text("Dial *384*22#")


def test_an_unknown_code_is_refused_without_a_request(simulator: Page) -> None:
    buyer = Handset(simulator, "buyer")
    buyer.root.get_by_label("Number to dial").fill("*100#")
    buyer.root.locator(".send").click()
    expect(buyer.screen).to_contain_text("invalid MMI code")
    expect(simulator.locator(".wire li")).to_have_count(0)


def test_the_log_shows_what_was_posted_and_the_raw_answer(simulator: Page) -> None:
    Handset(simulator, "buyer").dial()
    exchange = simulator.locator(".wire li").first
    exchange.locator("summary").click()
    expect(exchange.locator("pre").first).to_contain_text("phoneNumber=%2B254733000333")
    expect(exchange.locator("pre").last).to_contain_text("CON ")


def test_an_answer_in_the_inbox_is_counted_until_it_is_read(simulator: Page) -> None:
    buyer = Handset(simulator, "buyer")
    buyer.text("HELP")
    buyer.tab("Phone")
    expect(buyer.root.locator(".unread")).to_have_text(re.compile(r"\d"))
    buyer.tab("Texts")
    expect(buyer.root.locator(".unread")).to_be_hidden()
    expect(buyer.root.locator(".inbox .theirs").first).to_be_visible()


def test_the_arrow_keys_switch_tabs(simulator: Page) -> None:
    phone = simulator.locator("#buyer").get_by_role("tab", name="Phone")
    phone.press("ArrowRight")
    expect(simulator.locator("#buyer").get_by_role("tab", name="Texts")).to_be_focused()
    expect(simulator.locator("#buyer .texts")).to_be_visible()


def test_the_clock_is_moved_forward(simulator: Page) -> None:
    clock = simulator.locator("#now")
    before = clock.inner_text()
    simulator.get_by_role("button", name="+ 1 day").click()
    expect(clock).not_to_have_text(before)


def test_the_steps_of_the_guide_work(simulator: Page) -> None:
    artisan, agent = Handset(simulator, "artisan"), Handset(simulator, "agent")
    artisan.insert_sim(AMINA)

    open_menu(artisan)
    artisan.choose("Join as an artisan")
    finish_call(artisan, JOINING)

    open_menu(artisan)
    artisan.choose("Sell something")
    finish_call(artisan, SELLING)

    simulator.locator(".ware-choice", has_text="Kiondo basket").filter(has_text="Amina Wekesa").click()
    simulator.get_by_role("button", name="Place order").click()
    code = simulator.locator(".said b").inner_text()

    expect(artisan.received(f"YES {code}").last).to_be_attached()
    artisan.text(f"YES {code}")
    expect(Handset(simulator, "buyer").received(code).last).to_be_attached()

    open_menu(agent)
    agent.choose("Receive goods")
    finish_call(agent, {"code": code, "how many": "1"})
    expect(artisan.received(re.compile(rf"sent you KSh .*{code}")).last).to_be_attached()


def order_by_mpesa(simulator: Page, buyer: Handset, phone: str) -> str:
    """Order one piece that the buyer on this phone pays for; returns the order's code."""
    buyer.insert_sim(phone)
    simulator.locator(".ware-choice").first.click()
    simulator.get_by_label("Paid by").select_option("mpesa")
    simulator.get_by_role("button", name="Place order").click()
    expect(simulator.locator(".said")).to_contain_text("is unpaid")
    return simulator.locator(".said b").inner_text()


def test_a_buyer_answers_the_prompt_on_the_phone_with_its_keys(simulator: Page) -> None:
    buyer = Handset(simulator, "buyer")
    code = order_by_mpesa(simulator, buyer, "+254733000411")
    prompt = buyer.root.locator(".prompt")
    expect(prompt).to_contain_text(re.compile(rf"Pay KSh [\d,]+ to Soko, account {code}"))
    buyer.press("1234")
    expect(prompt.get_by_label("M-PESA PIN")).to_have_value("1234")
    expect(buyer.root.locator(".send")).to_have_text("Pay")
    buyer.root.locator(".send").click()
    expect(prompt).to_be_hidden()
    expect(buyer.received(re.compile(rf"received, M-PESA receipt SIM\w+. Order {code}"))).to_be_attached()
    expect(Handset(simulator, "agent").root.locator(".prompt")).to_be_hidden()


@pytest.mark.parametrize("by", ["Cancel", "End", "0000"])
def test_a_prompt_that_is_not_paid_goes_and_the_buyer_pays_by_paybill(simulator: Page, by: str) -> None:
    buyer = Handset(simulator, "buyer")
    phone = {"Cancel": "+254733000412", "End": "+254733000413", "0000": "+254733000414"}[by]
    code = order_by_mpesa(simulator, buyer, phone)
    prompt = buyer.root.locator(".prompt")
    expect(prompt).to_contain_text(code)
    found = re.search(r"KSh ([\d,]+)", prompt.inner_text())
    assert found
    if by == "0000":
        prompt.get_by_label("M-PESA PIN").fill(by)
        prompt.get_by_role("button", name="Pay").click()
    else:
        buyer.root.get_by_role("button", name=by, exact=True).click()
    expect(prompt).to_be_hidden()

    buyer.tab("M-PESA")
    buyer.root.get_by_label("Account number").fill(code)
    buyer.root.get_by_label("Amount in whole shillings").click()
    buyer.press(found[1].replace(",", ""))
    buyer.root.locator(".send").click()
    expect(buyer.root.locator(".paid")).to_contain_text(f"paid for account {code}")
    expect(buyer.received(re.compile(rf"received, M-PESA receipt SIM\w+. Order {code}"))).to_be_attached()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/simulator"])
def test_a_page_is_not_wider_than_its_window(page: Page, live_server: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name(simulator: Page) -> None:
    nameless = "all => all.filter(el => !(el.ariaLabel || el.labels?.length || el.textContent.trim()))"
    controls = simulator.locator("button, input, select")
    assert controls.count() > 0
    assert controls.evaluate_all(f"{nameless}.map(el => el.outerHTML)") == []

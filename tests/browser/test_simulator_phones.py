"""The phones of the simulator in a real browser: how many, their screens and keys, what is counted, what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.test_simulator import Handset, open_menu

DEMO_ARTISANS = ("Amina Yusuf", "Mwende Kioko")
"""The first two of the demo with the same craft."""
TIGIST = "+254711000203"
"""An artisan of the demo who reads Amharic."""
COIN_PURSES = "+254711000208"
"""An artisan of the demo who sells coin purses."""
PROPORTIONS = {"choices": (96, 65), "basic": (128, 160), "kaios": (240, 320)}
WHOLE_LINES = """screen => {
    const line = parseFloat(getComputedStyle(screen).lineHeight);
    return [screen.clientHeight / line, screen.scrollTop / line].map(lines => Math.abs(lines - Math.round(lines)));
}"""
"""How far the height of a screen, and where it is scrolled to, are from whole lines."""


@pytest.fixture
def simulator(page: Page, live_server: str) -> Page:
    page.goto(f"{live_server}/simulator")
    page.locator("main[data-ready]").wait_for()
    return page


@pytest.fixture
def timed(browser: Browser, live_server: str) -> Iterator[Page]:
    """The page in a tab of its own, because a clock that a test has replaced stays replaced in its tab."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.clock.install()
    page.goto(f"{live_server}/simulator")
    page.locator("main[data-ready]").wait_for()
    yield page
    context.close()


def test_a_phone_shows_who_has_it_and_which_language_is_read(simulator: Page) -> None:
    agent, artisan = Handset(simulator, "agent").root, Handset(simulator, "artisan")
    expect(agent.locator("h2")).to_have_text("Otieno")
    expect(agent.locator(".role")).to_have_text("agent")
    artisan.insert_sim(TIGIST)
    expect(artisan.root.locator("h2")).to_have_text("Tigist Alemu")
    expect(artisan.root.locator(".role")).to_have_text("artisan")
    expect(artisan.root.locator(".language")).to_have_text("am")


def test_phones_are_added_and_removed_by_keyboard(simulator: Page) -> None:
    add = simulator.get_by_role("button", name="Add a phone")
    add.focus()
    simulator.keyboard.press("Enter")
    dialog = simulator.get_by_role("dialog")
    dialog.get_by_label("Who has it").select_option("+254711000102")
    dialog.get_by_role("button", name="Add", exact=True).press("Enter")
    expect(simulator.locator(".handset")).to_have_count(4)
    added = simulator.locator(".handset").last
    expect(added.locator("h2")).to_have_text("Wanjiku Kamau")
    expect(added.locator(".call .entry")).to_be_focused()

    added.get_by_role("button", name="Remove this phone").press("Enter")
    expect(simulator.locator(".handset")).to_have_count(3)
    expect(add).to_be_focused()


def test_two_artisans_share_a_brief(simulator: Page) -> None:
    simulator.get_by_role("button", name="Add a phone").click()
    simulator.get_by_role("button", name="two artisans who share a brief").click()
    expect(simulator.locator(".handset")).to_have_count(4)
    sharers = [Handset(simulator, f"artisan-{number}") for number in (1, 2)]
    for sharer, name in zip(sharers, DEMO_ARTISANS, strict=True):
        expect(sharer.root.locator("h2")).to_have_text(name)

    simulator.locator(".storefront [name=kind]").select_option("brief")
    simulator.get_by_role("button", name="Place order").click()
    code = simulator.locator(".said b").inner_text()
    for sharer in sharers:
        expect(sharer.received(code).last).to_be_attached()
        sharer.text(f"YES {code} 10")
        expect(sharer.received(code)).not_to_have_count(1)
    expect(Handset(simulator, "buyer").received(re.compile(rf"20.*{code}|{code}.*20")).last).to_be_attached()


def test_a_phone_with_whatsapp_sends_a_picture_that_arrives_in_the_shop(simulator: Page, live_server: str) -> None:
    listed = simulator.request.get(f"{live_server}/api/v1/products?limit=100").json()["data"]
    code = next(product["code"] for product in listed if product["title"] == "Coin purse")
    simulator.get_by_role("button", name="Add a phone").click()
    dialog = simulator.get_by_role("dialog")
    dialog.get_by_label("Who has it").select_option(COIN_PURSES)
    dialog.get_by_label("What phone").select_option("whatsapp")
    dialog.get_by_role("button", name="Add", exact=True).click()
    phone = simulator.locator(f'[data-msisdn="{COIN_PURSES}"]')
    phone.get_by_role("textbox").fill(f"PHOTO {code}")
    phone.get_by_role("button", name="Send a picture").click()
    simulator.get_by_role("button", name="Leather").click()
    expect(phone.locator(".inbox .mine img")).to_have_attribute("alt", "Picture: Leather")
    expect(phone.locator(".inbox .theirs", has_text="has a new photo")).to_contain_text("WhatsApp")
    simulator.goto(f"{live_server}/products/{code}")
    picture = simulator.locator("img.picture").first
    assert picture.evaluate("image => image.naturalWidth") > 300
    assert (picture.get_attribute("srcset") or "").endswith(" 1200w")


@pytest.mark.parametrize("model", PROPORTIONS)
def test_a_screen_has_real_proportions_and_scrolls_by_whole_lines(simulator: Page, model: str) -> None:
    artisan = Handset(simulator, "artisan")
    artisan.root.get_by_label("Size of the screen").select_option(model)
    artisan.insert_sim("+254733000421")
    open_menu(artisan)
    box = artisan.screen.bounding_box()
    assert box is not None
    width, height = PROPORTIONS[model]
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)

    last = "screen => screen.scrollTop + screen.clientHeight >= screen.scrollHeight - 1"
    down = artisan.root.get_by_role("button", name="Scroll down")
    for _ in range(20):
        assert artisan.screen.evaluate(WHOLE_LINES) == pytest.approx([0, 0], abs=0.05)
        if artisan.screen.evaluate(last):
            break
        expect(down).to_have_class(re.compile("leads"))
        down.click()
    assert artisan.screen.evaluate(last)
    expect(down).not_to_have_class(re.compile("leads"))
    assert artisan.screen.evaluate("screen => screen.scrollWidth <= screen.clientWidth")
    if model == "choices":
        artisan.root.locator(".call .entry").press("ArrowUp")
        expect(down).to_have_class(re.compile("leads"))


def test_a_key_that_is_pressed_again_types_the_next_letter(timed: Page) -> None:
    timed.clock.pause_at(timed.evaluate("Date.now() / 1000 + 1"))
    buyer = Handset(timed, "buyer")
    buyer.tab("Texts")
    field = buyer.root.get_by_placeholder("Text to")
    buyer.press("4433555")
    expect(field).to_have_value("hel")
    timed.clock.run_for(1500)
    buyer.press("5556660")
    expect(field).to_have_value("hello ")
    buyer.root.get_by_role("button", name="Erase").click()
    buyer.press("#2#2")
    expect(field).to_have_value("helloA2")


def test_what_was_typed_and_every_text_survive_a_reload(simulator: Page) -> None:
    buyer = Handset(simulator, "buyer")
    buyer.insert_sim("+254733000422")
    buyer.text("HELP")
    expect(buyer.root.locator(".inbox .theirs")).to_have_count(1)
    expect(buyer.root.locator(".inbox .mine small")).to_have_text("1 segment GSM-7")
    buyer.root.get_by_placeholder("Text to").fill("SELL kio")
    artisan = Handset(simulator, "artisan")
    artisan.insert_sim("+254733000423")
    open_menu(artisan)
    artisan.root.get_by_label("Number to dial, or your answer").fill("12")
    shown, texts = artisan.screen.inner_text(), buyer.root.locator(".inbox li").all_inner_texts()

    simulator.reload()
    simulator.locator("main[data-ready]").wait_for()
    expect(buyer.root.locator(".inbox li")).to_have_count(2)
    assert buyer.root.locator(".inbox li").all_inner_texts() == texts
    expect(buyer.root.get_by_placeholder("Text to")).to_have_value("SELL kio")
    expect(buyer.root.locator(".unread")).to_be_hidden()
    expect(artisan.screen).to_have_text(shown)
    expect(artisan.root.get_by_label("Number to dial, or your answer")).to_have_value("12")
    assert artisan.calling
    assert artisan.choose("Track an order") != shown


def test_an_answer_in_a_text_is_sent_by_a_touch_and_a_code_is_typed(simulator: Page) -> None:
    artisan = Handset(simulator, "artisan")
    artisan.insert_sim(COIN_PURSES)
    simulator.locator(".ware-choice", has_text="Coin purse").click()
    simulator.get_by_role("button", name="Place order").click()
    code = simulator.locator(".said b").inner_text()
    expect(artisan.root.locator(".unread")).to_be_visible()
    artisan.tab("Texts")
    offer = artisan.received(code).last
    expect(offer).to_have_class(re.compile(r"\bnew\b"))
    offer.get_by_role("button", name=code, exact=True).click()
    expect(artisan.root.get_by_placeholder("Text to")).to_have_value(code)
    offer.get_by_role("button", name=f"YES {code}").click()
    expect(artisan.root.locator(".inbox .mine").last).to_contain_text(f"YES {code}")
    buyer = Handset(simulator, "buyer")
    expect(buyer.received(code).last).to_be_attached()


def test_the_screen_the_call_and_its_cost_are_counted(timed: Page) -> None:
    artisan = Handset(timed, "artisan")
    artisan.insert_sim("+254733000424")
    counts = artisan.root.locator(".counts")
    screen = artisan.dial()
    expect(counts.locator(".size")).to_have_text(f"{len('CON ' + screen)}/80 UCS-2 because of ç")
    screen = artisan.choose("English")
    expect(counts.locator(".size")).to_have_text(f"{len('CON ' + screen)}/160 GSM-7")
    expect(counts.locator(".session")).to_have_text(re.compile(r"^hop 2 · 0:\d\d · idle 0:\d\d$"))
    expect(counts.locator(".cost")).to_have_text("KES 0.10")
    timed.clock.run_for(40_000)
    expect(counts.locator(".session")).to_have_class(re.compile("late"))
    artisan.hang_up()
    expect(counts.locator(".session")).to_have_text("no call")

    artisan.text("HELP")
    answer = artisan.root.locator(".inbox .theirs .size").first
    expect(answer).to_have_text(re.compile(r"^\d segments? GSM-7 · KES \d\.\d0$"))
    expect(counts.locator(".cost")).to_have_text(answer.inner_text().rpartition(" · ")[2])


def test_the_screen_is_shown_in_all_languages_side_by_side(simulator: Page) -> None:
    artisan = Handset(simulator, "artisan")
    artisan.insert_sim("+254733000425")
    open_menu(artisan)
    simulator.get_by_role("tab", name="Languages").click()
    cards = simulator.locator(".translation")
    expect(cards).to_have_count(4)
    expect(cards.first.locator("pre")).to_have_text(artisan.screen.inner_text())
    expect(cards.first.locator("small")).to_have_text(artisan.root.locator(".counts .size").inner_text())
    expect(cards.last.locator("small")).to_contain_text("/80 UCS-2")
    before = cards.last.inner_text()
    artisan.choose("Track an order")
    expect(cards.last).not_to_have_text(before)
    expect(cards.first.locator("pre")).to_have_text(artisan.screen.inner_text())


def test_an_idle_page_asks_only_whether_anything_is_new(timed: Page) -> None:
    asked: list[str] = []
    timed.get_by_text("Everything that providers and the service said").click()

    def note(request: Request) -> None:
        if request.resource_type != "font":  # a browser fetches it when it first shows a letter of it
            asked.append(urlsplit(request.url).path)

    timed.on("request", note)

    def next_answer() -> int:
        with timed.expect_response("**/simulator/news?*") as answer:
            timed.clock.run_for(5000)
        return answer.value.status

    idle = 0
    for _ in range(40):  # until what other tests have begun has arrived
        idle = idle + 1 if next_answer() == HTTPStatus.NOT_MODIFIED else 0
        if idle <= 2:  # what the page fetched because of the last news comes a little later
            asked.clear()
        if idle == 6:
            break
    assert idle == 6
    assert set(asked) == {"/simulator/news"}


def test_a_phone_with_a_camera_sends_a_picture_to_the_address_of_a_link(simulator: Page, live_server: str) -> None:
    listed = simulator.request.get(f"{live_server}/api/v1/products?limit=100").json()["data"]
    code = next(product["code"] for product in listed if product["title"] == "Leather satchel")
    simulator.get_by_role("button", name="Add a phone").click()
    dialog = simulator.get_by_role("dialog")
    dialog.get_by_label("Who has it").select_option(COIN_PURSES)
    dialog.get_by_label("What phone").select_option("camera")
    dialog.get_by_role("button", name="Add", exact=True).click()
    phone = simulator.locator(f'[data-msisdn="{COIN_PURSES}"]')
    phone.get_by_role("tab", name="Texts").click()
    phone.get_by_role("textbox").fill(f"PHOTO {code}")
    phone.locator(".send").click()
    link = phone.locator(f".inbox .theirs a[href*='/p/{code}.']").last
    link.click()
    with simulator.expect_response(link.get_attribute("href") or "") as uploaded:
        simulator.get_by_role("button", name="Leather").click()
    assert uploaded.value.status == HTTPStatus.OK
    expect(phone.locator(".inbox .mine img")).to_have_attribute("alt", "Picture: Leather")
    expect(phone.locator(".inbox .lost")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1440, 900), (800, 1000), (360, 740)])
def test_everything_fits_the_window(simulator: Page, width: int, height: int) -> None:
    for model in simulator.get_by_label("Size of the screen").all():
        model.select_option("kaios")
    simulator.set_viewport_size({"width": width, "height": height})
    root = simulator.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert root[0] <= width
    if width == 360:
        header = simulator.locator("header.top").bounding_box()
        assert header
        assert header["height"] < 130, "more than three lines"
    if width >= 1366:
        assert root[1] <= height
        keys = simulator.locator(".keys button").all()
        boxes = [box for key in keys if (box := key.bounding_box())]
        assert len(boxes) == len(keys)
        assert max(box["y"] + box["height"] for box in boxes) <= height

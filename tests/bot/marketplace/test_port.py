"""What every marketplace does, local or remote: each test runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import TypeVar, get_args

import pytest
from sqlalchemy import select

from bot.db.unit_of_work import UnitOfWork
from bot.marketplace.event_details import OrderData, OrderProgress, PayoutData, PayoutProgress
from bot.marketplace.local import LocalMarketplace
from bot.marketplace.port import Marketplace, MarketplaceSession
from bot.marketplace.remote import MarketplaceClient, RemoteMarketplace
from bot.marketplace.wire import CallerProfile
from flows import commands, market
from flows.commands import Command, Outcome
from marketplace_api.models import Product
from marketplace_api.orders import orders
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, POT, place_order, received_order, seed_shop
from tests.marketplace.conftest import request
from tests.remote_marketplace import fault_proxy
from tests.service import OPERATOR_KEY, Service, serving

T = TypeVar("T")


class MarketplaceUnderTest:
    """A marketplace, and the service whose shop it is."""

    def __init__(self, shop: Service, marketplace: Marketplace) -> None:
        self.shop, self.marketplace = shop, marketplace
        self._keys = count()

    def ask(self, msisdn: str, question: Callable[[MarketplaceSession], T]) -> T:
        """The answer of the shop on behalf of a phone."""
        now = self.shop.clock()
        with closing(UnitOfWork(self.shop.services.database)) as work:
            return question(self.marketplace.session(work, msisdn, now))

    def perform(self, msisdn: str, command: Command) -> Outcome:
        """The outcome of a command on behalf of a phone, under a key of its own."""
        now, key = self.shop.clock(), f"command-{next(self._keys)}"
        with closing(UnitOfWork(self.shop.services.database)) as work:
            session = self.marketplace.session(work, msisdn, now)
            if not self.marketplace.is_local:
                return session.perform(command, key)
            with work.writing():
                return session.perform(command, key)


@pytest.fixture(params=["local", "remote"])
def tested(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MarketplaceUnderTest]:
    with serving(tmp_path) as shop, fault_proxy(shop.app) as (_, url):
        seed_shop(shop)
        local = LocalMarketplace(
            shop.services.database, shop.services.ids, shop.services.terms, shop.services.photo_links.link
        )
        remote = RemoteMarketplace(
            MarketplaceClient(f"{url}/api/v1", OPERATOR_KEY, shop.clock), shop.services.database, hop_s=60
        )  # so long that no test fails for a slow machine
        yield MarketplaceUnderTest(shop, local if request.param == "local" else remote)


def kiosk(tested: MarketplaceUnderTest) -> str:
    return str(tested.shop.api("GET", "/kiosks")["data"][0]["id"])


def done(**values: commands.Value) -> Outcome:
    return Outcome("done", values=values)


def registration(tested: MarketplaceUnderTest, **changes: str) -> commands.RegisterArtisan:
    chosen = {"name": "Amina", "language": "sw", "craft": "baskets", "kiosk_id": kiosk(tested)} | changes
    return commands.RegisterArtisan(payout_method="mobile_money", payout_msisdn=NEW_PHONE, **chosen)


def pot(tested: MarketplaceUnderTest) -> market.ProductSummary:
    (product,) = tested.ask(AKINYI, lambda session: session.products())
    return product


# -- the caller, and answers that are the same for all callers


def test_a_caller_has_a_profile(tested: MarketplaceUnderTest) -> None:
    assert tested.ask(AKINYI, lambda session: session.caller()) == CallerProfile("Akinyi Ouma", artisan=True)
    assert tested.ask(OTIENO, lambda session: session.caller()) == CallerProfile("Otieno", agent=True, kiosk="Lakeside")
    assert tested.ask(NEW_PHONE, lambda session: session.caller()) == CallerProfile()


def test_crafts_kiosks_and_earnings_are_the_same_for_all_callers(tested: MarketplaceUnderTest) -> None:
    crafts = tested.ask(NEW_PHONE, lambda session: session.crafts())
    kiosks = tested.ask(NEW_PHONE, lambda session: session.kiosks())

    assert list(crafts)[:2] == [("baskets", "Baskets"), ("beadwork", "Beadwork")]
    assert list(kiosks) == [market.KioskSummary(kiosk(tested), "Lakeside", "Kisumu")]
    assert tested.ask(NEW_PHONE, lambda session: session.earns(1500_05)) == 1350_04


def test_a_new_kiosk_is_listed_at_once(tested: MarketplaceUnderTest) -> None:
    tested.ask(NEW_PHONE, lambda session: session.kiosks())
    tested.shop.kiosk(NEW_PHONE, "Toi Market", "Nairobi")

    names = [place.name for place in tested.ask(JOY, lambda session: session.kiosks())]
    assert sorted(names) == ["Lakeside", "Toi Market"]


def test_only_the_agent_of_an_artisans_kiosk_gets_the_artisans_contact(tested: MarketplaceUnderTest) -> None:
    akinyi = tested.ask(OTIENO, lambda session: session.artisan_of_kiosk(AKINYI))
    assert akinyi is not None
    assert (akinyi.msisdn, akinyi.name, akinyi.language, akinyi.kiosk) == (AKINYI, "Akinyi Ouma", "en", "Lakeside")

    assert tested.ask(OTIENO, lambda session: session.artisan_of_kiosk(NEW_PHONE)) is None
    assert tested.ask(AKINYI, lambda session: session.artisan_of_kiosk(AKINYI)) is None


# -- orders that are not paid yet


def test_an_unpaid_order_is_shown_to_its_buyer_and_to_nobody_else(tested: MarketplaceUnderTest) -> None:
    services, on_sale = tested.shop.services, pot(tested).quantity
    with services.database.writing.begin() as session:
        shop = services.shop(session, TESTER)
        (product,) = session.scalars(select(Product).where(Product.code == pot(tested).code))
        unpaid = replace(request(), buyer_msisdn=JOY, vouched=False)
        code = orders.place(shop, unpaid, product.id, 1).code

    shown = tested.ask(JOY, lambda session: session.bought(code))
    assert shown is not None
    assert (shown.status, shown.quantity) == ("unpaid", 1)
    assert list(tested.ask(AKINYI, lambda session: session.orders())) == []
    assert list(tested.ask(OTIENO, lambda session: session.awaited())) == []
    assert list(tested.ask(OTIENO, lambda session: session.to_ship())) == []
    assert list(tested.ask(OTIENO, lambda session: session.expected(code))) == []
    assert tested.ask(OTIENO, lambda session: session.day()) == market.KioskDaySummary(0, 0)
    assert tested.perform(AKINYI, commands.AcceptOrder(code, 1)).reason == "not_your_order"
    assert tested.perform(JOY, commands.CancelOrder(code)).kind == "done"
    assert pot(tested).quantity == on_sale


# -- artisans


def test_a_phone_registers_as_an_artisan_once(tested: MarketplaceUnderTest) -> None:
    assert tested.perform(NEW_PHONE, registration(tested)) == done()
    assert tested.ask(NEW_PHONE, lambda session: session.caller()) == CallerProfile("Amina", artisan=True)
    assert tested.perform(NEW_PHONE, registration(tested)) == Outcome("rejected", "already_registered")


def test_an_unknown_craft_or_kiosk_is_refused(tested: MarketplaceUnderTest) -> None:
    assert tested.perform(NEW_PHONE, registration(tested, craft="rockets")).reason == "unknown_category"
    assert tested.perform(NEW_PHONE, registration(tested, kiosk_id="ksk_0")).reason == "unknown_kiosk"


def test_an_artisan_changes_name_kiosk_language_and_payout_method(tested: MarketplaceUnderTest) -> None:
    second = tested.shop.kiosk(NEW_PHONE, "Toi Market", "Nairobi")
    for command in (
        commands.RenameArtisan("Akinyi O."),
        commands.ChangeKiosk(second["id"]),
        commands.ChooseLanguage("fr"),
        commands.ChangePayout("kiosk_cash", None),
    ):
        assert tested.perform(AKINYI, command) == done()

    (artisan,) = tested.shop.api("GET", "/artisans")["data"]
    assert (artisan["name"], artisan["kiosk_id"], artisan["language"]) == ("Akinyi O.", second["id"], "fr")
    assert artisan["payout"]["method"] == "kiosk_cash"


def test_products_are_listed_changed_and_withdrawn(tested: MarketplaceUnderTest) -> None:
    listed = tested.perform(AKINYI, commands.ListProduct("Jug", "pottery", 900_00, 2))
    code = str(listed.values["code"])
    assert tested.perform(AKINYI, commands.SetPrice(code, 950_00)) == done(code=code)
    assert tested.perform(AKINYI, commands.SetStock(code, 0)) == done(code=code, on_hand=0, reserved=0, left=0)
    assert tested.perform(AKINYI, commands.SetTitle(code, "Milk jug")) == done(code=code)
    assert tested.perform(AKINYI, commands.SetDescription(code, "Red clay, two litres")) == done(code=code)
    products = tested.ask(AKINYI, lambda session: session.products())
    assert market.ProductSummary(code, "Milk jug", 950_00, 0, "sold_out") in products
    (found,) = tested.shop.api("GET", "/products?status=sold_out&q=milk clay")["data"]
    assert (found["title"], found["description"]) == ("Milk jug", "Red clay, two litres")
    assert tested.shop.api("GET", "/products?status=sold_out&q=jug")["data"] == [found]
    assert tested.perform(AKINYI, commands.RemoveProduct(code)) == done(code=code)

    assert [product.title for product in tested.ask(AKINYI, lambda session: session.products())] == [POT]
    assert tested.ask(NEW_PHONE, lambda session: session.products()) == []


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (commands.SetPrice("Z9Z9", 900_00), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.SetStock("Z9Z9", 1), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.SetTitle("Z9Z9", "Jug"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.SetDescription("Z9Z9", "Clay"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.RemoveProduct("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.AcceptOrder("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.DeclineOrder("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.SayReady("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.ReleaseOrder("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.ConfirmDelivery("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.CancelOrder("Z9Z9"), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.FindCash("135791"), Outcome("rejected", "not_an_agent")),
        (commands.ReceiveGoods(1, 1), Outcome("rejected", "not_an_agent")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_command_with_an_unknown_code_or_without_its_role_is_rejected_with_a_reason(
    tested: MarketplaceUnderTest, command: Command, refused: Outcome
) -> None:
    assert tested.perform(AKINYI, command) == refused


def test_a_phone_that_is_not_registered_sells_nothing(tested: MarketplaceUnderTest) -> None:
    refused = Outcome("rejected", "not_an_artisan")

    assert tested.perform(NEW_PHONE, commands.ListProduct("Jug", "pottery", 900_00, 2)) == refused
    assert tested.perform(NEW_PHONE, commands.AcceptOrder("K7P4")) == refused


def test_an_artisan_can_leave_unless_an_order_is_open(tested: MarketplaceUnderTest) -> None:
    placed = place_order(tested.shop)
    assert tested.perform(AKINYI, commands.Leave()).reason == "orders_open"
    tested.perform(AKINYI, commands.DeclineOrder(placed["code"], "busy"))
    assert tested.perform(AKINYI, commands.Leave()) == done()

    assert tested.ask(AKINYI, lambda session: session.caller()) == CallerProfile()


def test_an_artisan_gets_upload_links_for_own_products_only(tested: MarketplaceUnderTest) -> None:
    code = pot(tested).code
    link = tested.ask(AKINYI, lambda session: session.photo_link(code))
    assert link is not None
    assert tested.shop.http.get(link.removeprefix(tested.shop.settings.url)).status_code == 200

    assert tested.ask(AKINYI, lambda session: session.photo_link("Z9Z9")) is None
    assert tested.ask(NEW_PHONE, lambda session: session.photo_link(code)) is None


# -- orders


def test_an_order_is_listed_accepted_in_part_and_marked_as_ready(tested: MarketplaceUnderTest) -> None:
    code = place_order(tested.shop, 3)["code"]
    (offered,) = tested.ask(AKINYI, lambda session: session.orders())
    assert (offered.code, offered.title, offered.quantity, offered.status) == (code, POT, 3, "placed")
    assert offered.earns == 3 * 1620_00
    assert tested.perform(AKINYI, commands.AcceptOrder(code, 4)).reason == "wrong_count"
    accepted = tested.perform(AKINYI, commands.AcceptOrder(code, 2))
    assert accepted.values["earns"] == 2 * 1620_00
    assert (accepted.values["title"], accepted.values["kiosk"]) == (POT, "Lakeside")
    assert tested.perform(AKINYI, commands.SayReady(code)).kind == "done"

    (own,) = tested.ask(AKINYI, lambda session: session.orders())
    assert (own.quantity, own.status, own.ready) == (2, "accepted", True)
    assert tested.perform(AKINYI, commands.AcceptOrder(code)).reason == "order_not_open"


def test_only_the_buyer_sees_and_cancels_an_order(tested: MarketplaceUnderTest) -> None:
    code = place_order(tested.shop)["code"]
    bought = tested.ask(JOY, lambda session: session.bought(code))
    assert bought is not None
    assert (bought.code, bought.status) == (code, "placed")
    assert tested.ask(NEW_PHONE, lambda session: session.bought(code)) is None
    assert tested.perform(NEW_PHONE, commands.CancelOrder(code)).reason == "unknown_code"

    assert tested.perform(JOY, commands.ConfirmDelivery(code)).reason == "order_not_shipped"
    assert tested.perform(JOY, commands.CancelOrder(code)) == done(code=code, payment="vouched")
    assert tested.perform(JOY, commands.CancelOrder(code)).reason == "order_not_open"


def test_the_buyer_of_a_shipped_order_sees_its_tracking_number(tested: MarketplaceUnderTest) -> None:
    code = received_order(tested.shop)["code"]
    assert tested.perform(OTIENO, commands.ShipOrder(code, "G4S", "AB12")).kind == "done"
    bought = tested.ask(JOY, lambda session: session.bought(code))
    assert bought is not None
    assert (bought.status, bought.carrier, bought.tracking) == ("shipped", "G4S", "AB12")


def test_a_part_of_a_brief_is_promised_for_a_day_and_released(tested: MarketplaceUnderTest) -> None:
    brief = {"title": "Mugs", "category": "pottery", "unit_price": {"amount": 500_00, "currency": "KES"}}
    code = tested.shop.brief(brief | {"quantity": 40, "due_on": "2026-12-10"}, JOY)["code"]
    (offered,) = tested.ask(AKINYI, lambda session: session.orders())
    assert (offered.brief, offered.quantity, offered.due_on) == (True, 40, date(2026, 12, 10))
    unsaid = Outcome("rejected", "quantity_unsaid", {"code": code, "most": 40})
    assert tested.perform(AKINYI, commands.AcceptOrder(code)) == unsaid
    assert tested.perform(AKINYI, commands.AcceptOrder(code, 10, days=60)).reason == "too_late"
    assert tested.perform(AKINYI, commands.AcceptOrder(code, 10, days=3)).kind == "done"
    (own,) = [part for part in tested.ask(AKINYI, lambda session: session.orders()) if part.status == "accepted"]
    assert (own.quantity, own.due_on) == (10, date(2026, 11, 26))
    assert tested.perform(AKINYI, commands.ReleaseOrder(code)).kind == "done"

    assert all(part.status == "placed" for part in tested.ask(AKINYI, lambda session: session.orders()))


# -- kiosks


def test_goods_are_received_shipped_and_delivered_and_the_artisan_is_owed_money(tested: MarketplaceUnderTest) -> None:
    code = place_order(tested.shop, 2)["code"]
    tested.perform(AKINYI, commands.AcceptOrder(code))
    assert tested.ask(OTIENO, lambda session: session.day()).expected == 1
    (part,) = tested.ask(OTIENO, lambda session: session.expected(code))
    assert tested.ask(OTIENO, lambda session: session.awaited()) == [part]
    assert tested.ask(AKINYI, lambda session: session.awaited()) == []
    assert (part.title, part.quantity, part.artisan) == (POT, 2, "Akinyi Ouma")
    assert tested.perform(OTIENO, commands.ReceiveGoods(part.part, 3)).reason == "wrong_count"
    assert tested.perform(OTIENO, commands.ReceiveGoods(part.part, 2)).kind == "done"

    assert [parcel.code for parcel in tested.ask(OTIENO, lambda session: session.to_ship())] == [code]
    assert tested.ask(OTIENO, lambda session: session.expected(code)) == []
    earnings = tested.ask(AKINYI, lambda session: session.earnings())
    assert (earnings.owed, earnings.paid) == (2 * 1620_00, 0)
    assert [(payout.order, payout.amount, payout.paid) for payout in earnings.last] == [(code, 2 * 1620_00, False)]
    assert tested.perform(OTIENO, commands.ShipOrder(code, "G4S", "TRK1")).kind == "done"
    assert tested.perform(OTIENO, commands.ShipOrder(code, "G4S", "TRK1")).reason == "order_not_at_kiosk"
    assert tested.perform(JOY, commands.ConfirmDelivery(code)) == done(code=code)


def test_goods_that_were_refused_are_expected_again(tested: MarketplaceUnderTest) -> None:
    code = place_order(tested.shop, 3)["code"]
    tested.perform(AKINYI, commands.AcceptOrder(code))
    (part,) = tested.ask(OTIENO, lambda session: session.expected(code))
    received = tested.perform(OTIENO, commands.ReceiveGoods(part.part, 1, refused=1, reason="broken", follows=True))
    assert received.kind == "done"
    (rest,) = tested.ask(OTIENO, lambda session: session.expected(code))

    assert rest.quantity == 2
    day = tested.ask(OTIENO, lambda session: session.day())
    assert (day.expected, day.received) == (1, 1)


def test_a_phone_that_is_no_agent_sees_no_goods_and_no_numbers_of_a_kiosk(tested: MarketplaceUnderTest) -> None:
    code = place_order(tested.shop)["code"]
    tested.perform(AKINYI, commands.AcceptOrder(code))

    assert tested.ask(NEW_PHONE, lambda session: session.expected(code)) == []
    assert tested.ask(NEW_PHONE, lambda session: session.to_ship()) == []
    assert tested.ask(NEW_PHONE, lambda session: session.day()) == market.KioskDaySummary(0, 0)
    earnings = tested.ask(NEW_PHONE, lambda session: session.earnings())
    assert (earnings.owed, earnings.paid, list(earnings.last)) == (0, 0, [])


def test_cash_is_paid_once_for_its_code_and_three_wrong_codes_lock(tested: MarketplaceUnderTest) -> None:
    tested.perform(AKINYI, commands.ChangePayout("kiosk_cash", None))
    code = place_order(tested.shop)["code"]
    tested.perform(AKINYI, commands.AcceptOrder(code))
    (part,) = tested.ask(OTIENO, lambda session: session.expected(code))
    tested.perform(OTIENO, commands.ReceiveGoods(part.part, 1))
    events = tested.marketplace.events(0, 100, tested.shop.clock())
    (digits,) = [event.notice.cash_code for event in events if event.notice and event.notice.cash_code]
    found = tested.perform(OTIENO, commands.FindCash(digits))
    assert (found.values["amount"], found.values["artisan"]) == (1620_00, "Akinyi Ouma")
    payout = str(found.values["payout"])
    assert tested.perform(OTIENO, commands.PayCash(payout)).kind == "done"
    assert tested.perform(OTIENO, commands.PayCash(payout)).reason == "payout_not_awaiting_collection"

    for _ in range(3):
        assert tested.perform(OTIENO, commands.FindCash("000000")).reason == "wrong_code"
    assert tested.perform(OTIENO, commands.FindCash("000000")).reason == "locked"


def test_a_second_request_for_a_call_is_the_same_request(tested: MarketplaceUnderTest) -> None:
    assert tested.perform(JOY, commands.RequestCall()) == tested.perform(JOY, commands.RequestCall())
    assert len(tested.shop.api("GET", "/help-requests")["data"]) == 1


# -- events


def test_events_are_read_from_a_number_on_with_the_artisans_they_concern(tested: MarketplaceUnderTest) -> None:
    placed = place_order(tested.shop)
    now = tested.shop.clock()
    everything = tested.marketplace.events(0, 100, now)
    assert [event.type for event in everything] == tested.shop.events()
    last = everything[-1]
    assert isinstance(last.data, OrderData)
    assert (last.type, last.data.code) == ("order.placed", placed["code"])
    (artisan,) = last.artisans.values()
    assert (artisan.msisdn, artisan.language, artisan.kiosk) == (AKINYI, "en", "Lakeside")

    assert list(tested.marketplace.events(0, 1, now)) == list(everything)[:1]
    assert list(tested.marketplace.events(everything[-2].seq, 100, now)) == [last]
    assert list(tested.marketplace.events(last.seq, 100, now)) == []


# -- this file


def test_the_artisan_reads_the_present_code_for_cash_and_a_new_one_voids_it(tested: MarketplaceUnderTest) -> None:
    assert tested.ask(AKINYI, lambda session: session.cash()) is None
    assert tested.perform(AKINYI, commands.RenewCashCode()).reason == "payout_not_awaiting_collection"
    tested.perform(AKINYI, commands.ChangePayout("kiosk_cash", None))
    code = place_order(tested.shop)["code"]
    tested.perform(AKINYI, commands.AcceptOrder(code))
    (part,) = tested.ask(OTIENO, lambda session: session.expected(code))
    tested.perform(OTIENO, commands.ReceiveGoods(part.part, 1))

    def read(session: MarketplaceSession) -> market.WaitingCash:
        cash = session.cash()
        assert cash
        assert session.secrets[-1] == cash.code  # so that it is stored nowhere
        return cash

    first = tested.ask(AKINYI, read)
    assert (first.order, first.amount, first.kiosk) == (code, 1620_00, "Lakeside")
    assert tested.ask(AKINYI, read) == first
    renewed = tested.perform(AKINYI, commands.RenewCashCode())
    second = tested.ask(AKINYI, read)
    assert tested.perform(OTIENO, commands.FindCash(first.code)).reason == "wrong_code"
    assert tested.perform(OTIENO, commands.FindCash(second.code)).values["payout"] == renewed.values["payout"]
    assert tested.ask(NEW_PHONE, lambda session: session.cash()) is None


def test_every_command_of_a_shop_is_tested_here() -> None:
    source, names = Path(__file__).read_text(), [command.__name__ for command in get_args(commands.ShopCommand)]

    assert [name for name in names if f"commands.{name}(" not in source] == []


def test_an_order_and_its_payout_are_shown_as_they_are_now(tested: MarketplaceUnderTest) -> None:
    made = received_order(tested.shop, 2)
    (payout,) = tested.shop.api("GET", "/payouts")["data"]
    order = tested.marketplace.current(made["id"], tested.shop.clock())
    paid = tested.marketplace.current(payout["id"], tested.shop.clock())

    assert isinstance(order, OrderData)
    assert (order.code, order.status, order.pieces_taken) == (made["code"], OrderProgress.AT_KIOSK, 2)
    assert isinstance(paid, PayoutData)
    assert (paid.status, paid.order_id) == (PayoutProgress.PENDING, made["id"])

"""Our own marketplace and one over HTTP are the same to whoever asks: one suite, and it is run on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path
from typing import TypeVar, get_args

import pytest

from bot.db.unit_of_work import UnitOfWork
from bot.marketplace.event_details import OrderData
from bot.marketplace.local import LocalMarketplace
from bot.marketplace.port import Marketplace, MarketplaceSession
from bot.marketplace.remote import MarketplaceClient, RemoteMarketplace
from bot.marketplace.wire import CallerProfile
from flows import commands, market
from flows.commands import Command, Outcome
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, POT, place_order, seed_shop
from tests.remote_marketplace import fault_proxy
from tests.service import OPERATOR_KEY, Service, serving

T = TypeVar("T")


class Town:
    """A shop, and a way to ask it."""

    def __init__(self, shop: Service, marketplace: Marketplace) -> None:
        self.shop, self.marketplace = shop, marketplace
        self._keys = count()

    def ask(self, msisdn: str, question: Callable[[MarketplaceSession], T]) -> T:
        now = self.shop.clock()
        with closing(UnitOfWork(self.shop.services.database)) as work:
            return question(self.marketplace.session(work, msisdn, now))

    def tell(self, msisdn: str, command: Command) -> Outcome:
        now, key = self.shop.clock(), f"told-{next(self._keys)}"
        with closing(UnitOfWork(self.shop.services.database)) as work:
            session = self.marketplace.session(work, msisdn, now)
            if not self.marketplace.is_local:
                return session.perform(command, key)
            with work.writing():
                return session.perform(command, key)


@pytest.fixture(params=["our own", "over HTTP"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with serving(tmp_path) as shop, fault_proxy(shop.app) as (_, url):
        seed_shop(shop)
        own = LocalMarketplace(
            shop.services.database, shop.services.ids, shop.services.terms, shop.services.photo_links.link
        )
        far = RemoteMarketplace(
            MarketplaceClient(f"{url}/api/v1", OPERATOR_KEY, shop.clock), hop_s=60
        )  # it is not about time
        yield Town(shop, own if request.param == "our own" else far)


def kiosk(town: Town) -> str:
    return str(town.shop.api("GET", "/kiosks")["data"][0]["id"])


def done(**values: commands.Value) -> Outcome:
    return Outcome("done", values=values)


def joining(town: Town, **otherwise: str) -> commands.RegisterArtisan:
    chosen = {"name": "Amina", "language": "sw", "craft": "baskets", "kiosk_id": kiosk(town)} | otherwise
    return commands.RegisterArtisan(payout_method="mobile_money", payout_msisdn=NEW_PHONE, **chosen)


def pot(town: Town) -> market.ProductSummary:
    (product,) = town.ask(AKINYI, lambda session: session.products())
    return product


# -- who speaks, and what is the same for everybody


def test_it_knows_who_speaks(town: Town) -> None:
    assert town.ask(AKINYI, lambda session: session.caller()) == CallerProfile("Akinyi Ouma", artisan=True)
    assert town.ask(OTIENO, lambda session: session.caller()) == CallerProfile("Otieno", agent=True, kiosk="Lakeside")
    assert town.ask(NEW_PHONE, lambda session: session.caller()) == CallerProfile()


def test_it_names_crafts_kiosks_and_what_she_earns(town: Town) -> None:
    crafts = town.ask(NEW_PHONE, lambda session: session.crafts())
    kiosks = town.ask(NEW_PHONE, lambda session: session.kiosks())

    assert list(crafts)[:2] == [("baskets", "Baskets"), ("beadwork", "Beadwork")]
    assert list(kiosks) == [market.KioskSummary(kiosk(town), "Lakeside", "Kisumu")]
    assert town.ask(NEW_PHONE, lambda session: session.earns(1500_05)) == 1350_04


def test_a_new_kiosk_is_found_at_once(town: Town) -> None:
    town.ask(NEW_PHONE, lambda session: session.kiosks())
    town.shop.kiosk(NEW_PHONE, "Toi Market", "Nairobi")

    names = [place.name for place in town.ask(JOY, lambda session: session.kiosks())]
    assert sorted(names) == ["Lakeside", "Toi Market"]


def test_an_agent_knows_who_brings_her_wares_to_her_kiosk(town: Town) -> None:
    akinyi = town.ask(OTIENO, lambda session: session.artisan_of_kiosk(AKINYI))
    assert akinyi is not None
    assert (akinyi.msisdn, akinyi.name, akinyi.language, akinyi.kiosk) == (AKINYI, "Akinyi Ouma", "en", "Lakeside")

    assert town.ask(OTIENO, lambda session: session.artisan_of_kiosk(NEW_PHONE)) is None
    assert town.ask(AKINYI, lambda session: session.artisan_of_kiosk(AKINYI)) is None


# -- an artisan


def test_who_joins_is_an_artisan_from_then_on_and_joins_once(town: Town) -> None:
    assert town.tell(NEW_PHONE, joining(town)) == done()
    assert town.ask(NEW_PHONE, lambda session: session.caller()) == CallerProfile("Amina", artisan=True)
    assert town.tell(NEW_PHONE, joining(town)) == Outcome("rejected", "already_registered")


def test_a_craft_and_a_kiosk_that_are_not_there_are_refused(town: Town) -> None:
    assert town.tell(NEW_PHONE, joining(town, craft="rockets")).reason == "unknown_category"
    assert town.tell(NEW_PHONE, joining(town, kiosk_id="ksk_0")).reason == "unknown_kiosk"


def test_she_changes_her_name_her_kiosk_her_language_and_how_she_is_paid(town: Town) -> None:
    second = town.shop.kiosk(NEW_PHONE, "Toi Market", "Nairobi")
    for command in (
        commands.RenameArtisan("Akinyi O."),
        commands.ChangeKiosk(second["id"]),
        commands.ChooseLanguage("fr"),
        commands.ChangePayout("kiosk_cash", None),
    ):
        assert town.tell(AKINYI, command) == done()

    (artisan,) = town.shop.api("GET", "/artisans")["data"]
    assert (artisan["name"], artisan["kiosk_id"], artisan["language"]) == ("Akinyi O.", second["id"], "fr")
    assert artisan["payout"]["method"] == "kiosk_cash"


def test_her_wares_are_listed_changed_and_withdrawn(town: Town) -> None:
    listed = town.tell(AKINYI, commands.ListProduct("Jug", "pottery", 900_00, 2))
    code = str(listed.values["code"])
    assert town.tell(AKINYI, commands.SetPrice(code, 950_00)) == done(code=code)
    assert town.tell(AKINYI, commands.SetStock(code, 0)) == done(code=code)
    products = town.ask(AKINYI, lambda session: session.products())
    assert market.ProductSummary(code, "Jug", 950_00, 0, "sold_out") in products
    assert town.tell(AKINYI, commands.RemoveProduct(code)) == done(code=code)

    assert [product.title for product in town.ask(AKINYI, lambda session: session.products())] == [POT]
    assert town.ask(NEW_PHONE, lambda session: session.products()) == []


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (commands.SetPrice("Z9Z9", 900_00), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
        (commands.SetStock("Z9Z9", 1), Outcome("rejected", "unknown_code", {"code": "Z9Z9"})),
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
def test_what_is_not_there_or_not_hers_is_refused_with_the_reason(
    town: Town, command: Command, refused: Outcome
) -> None:
    assert town.tell(AKINYI, command) == refused


def test_who_is_no_artisan_sells_nothing(town: Town) -> None:
    refused = Outcome("rejected", "not_an_artisan")

    assert town.tell(NEW_PHONE, commands.ListProduct("Jug", "pottery", 900_00, 2)) == refused
    assert town.tell(NEW_PHONE, commands.AcceptOrder("K7P4")) == refused


def test_she_leaves_unless_an_order_is_open(town: Town) -> None:
    placed = place_order(town.shop)
    assert town.tell(AKINYI, commands.Leave()).reason == "orders_open"
    town.tell(AKINYI, commands.DeclineOrder(placed["code"], "busy"))
    assert town.tell(AKINYI, commands.Leave()) == done()

    assert town.ask(AKINYI, lambda session: session.caller()) == CallerProfile()


def test_pictures_of_her_wares_are_sent_by_a_link_of_the_shop(town: Town) -> None:
    code = pot(town).code
    link = town.ask(AKINYI, lambda session: session.photo_link(code))
    assert link is not None
    assert town.shop.http.get(link.removeprefix(town.shop.settings.url)).status_code == 200

    assert town.ask(AKINYI, lambda session: session.photo_link("Z9Z9")) is None
    assert town.ask(NEW_PHONE, lambda session: session.photo_link(code)) is None


# -- an order


def test_an_order_is_seen_accepted_in_part_and_said_to_be_ready(town: Town) -> None:
    code = place_order(town.shop, 3)["code"]
    (offered,) = town.ask(AKINYI, lambda session: session.orders())
    assert (offered.code, offered.title, offered.quantity, offered.status) == (code, POT, 3, "placed")
    assert offered.earns == 3 * 1620_00
    assert town.tell(AKINYI, commands.AcceptOrder(code, 4)).reason == "wrong_count"
    accepted = town.tell(AKINYI, commands.AcceptOrder(code, 2))
    assert accepted.values["earns"] == 2 * 1620_00
    assert (accepted.values["title"], accepted.values["kiosk"]) == (POT, "Lakeside")
    assert town.tell(AKINYI, commands.SayReady(code)).kind == "done"

    (hers,) = town.ask(AKINYI, lambda session: session.orders())
    assert (hers.quantity, hers.status, hers.ready) == (2, "accepted", True)
    assert town.tell(AKINYI, commands.AcceptOrder(code)).reason == "order_not_open"


def test_a_buyer_sees_her_order_and_cancels_it_and_nobody_else_does(town: Town) -> None:
    code = place_order(town.shop)["code"]
    bought = town.ask(JOY, lambda session: session.bought(code))
    assert bought is not None
    assert (bought.code, bought.status) == (code, "placed")
    assert town.ask(NEW_PHONE, lambda session: session.bought(code)) is None
    assert town.tell(NEW_PHONE, commands.CancelOrder(code)).reason == "unknown_code"

    assert town.tell(JOY, commands.ConfirmDelivery(code)).reason == "order_not_shipped"
    assert town.tell(JOY, commands.CancelOrder(code)) == done(code=code)
    assert town.tell(JOY, commands.CancelOrder(code)).reason == "order_not_open"


def test_what_she_promised_is_released_or_brought_by_the_day_she_said(town: Town) -> None:
    brief = {"title": "Mugs", "category": "pottery", "unit_price": {"amount": 500_00, "currency": "KES"}}
    code = town.shop.brief(brief | {"quantity": 40, "due_on": "2026-12-10"}, JOY)["code"]
    (offered,) = town.ask(AKINYI, lambda session: session.orders())
    assert (offered.brief, offered.quantity, offered.due_on) == (True, 40, date(2026, 12, 10))
    assert town.tell(AKINYI, commands.AcceptOrder(code, 10, days=60)).reason == "too_late"
    assert town.tell(AKINYI, commands.AcceptOrder(code, 10, days=3)).kind == "done"
    (hers,) = [part for part in town.ask(AKINYI, lambda session: session.orders()) if part.status == "accepted"]
    assert (hers.quantity, hers.due_on) == (10, date(2026, 11, 26))
    assert town.tell(AKINYI, commands.ReleaseOrder(code)).kind == "done"

    assert all(part.status == "placed" for part in town.ask(AKINYI, lambda session: session.orders()))


# -- at the kiosk


def test_goods_are_received_shipped_and_confirmed_and_their_money_is_owed(town: Town) -> None:
    code = place_order(town.shop, 2)["code"]
    town.tell(AKINYI, commands.AcceptOrder(code))
    assert town.ask(OTIENO, lambda session: session.day()).expected == 1
    (part,) = town.ask(OTIENO, lambda session: session.expected(code))
    assert (part.title, part.quantity, part.artisan) == (POT, 2, "Akinyi Ouma")
    assert town.tell(OTIENO, commands.ReceiveGoods(part.part, 3)).reason == "wrong_count"
    assert town.tell(OTIENO, commands.ReceiveGoods(part.part, 2)).kind == "done"

    assert [parcel.code for parcel in town.ask(OTIENO, lambda session: session.to_ship())] == [code]
    assert town.ask(OTIENO, lambda session: session.expected(code)) == []
    earnings = town.ask(AKINYI, lambda session: session.earnings())
    assert (earnings.owed, earnings.paid) == (2 * 1620_00, 0)
    assert [(payout.order, payout.amount, payout.paid) for payout in earnings.last] == [(code, 2 * 1620_00, False)]
    assert town.tell(OTIENO, commands.ShipOrder(code, "G4S", "TRK1")).kind == "done"
    assert town.tell(OTIENO, commands.ShipOrder(code, "G4S", "TRK1")).reason == "order_not_at_kiosk"
    assert town.tell(JOY, commands.ConfirmDelivery(code)) == done(code=code)


def test_goods_are_turned_back_and_awaited_again(town: Town) -> None:
    code = place_order(town.shop, 3)["code"]
    town.tell(AKINYI, commands.AcceptOrder(code))
    (part,) = town.ask(OTIENO, lambda session: session.expected(code))
    received = town.tell(OTIENO, commands.ReceiveGoods(part.part, 1, refused=1, reason="server_error", follows=True))
    assert received.kind == "done"
    (rest,) = town.ask(OTIENO, lambda session: session.expected(code))

    assert rest.quantity == 2
    day = town.ask(OTIENO, lambda session: session.day())
    assert (day.expected, day.received) == (1, 1)


def test_who_keeps_no_kiosk_sees_nothing_of_one(town: Town) -> None:
    code = place_order(town.shop)["code"]
    town.tell(AKINYI, commands.AcceptOrder(code))

    assert town.ask(NEW_PHONE, lambda session: session.expected(code)) == []
    assert town.ask(NEW_PHONE, lambda session: session.to_ship()) == []
    assert town.ask(NEW_PHONE, lambda session: session.day()) == market.KioskDaySummary(0, 0)
    earnings = town.ask(NEW_PHONE, lambda session: session.earnings())
    assert (earnings.owed, earnings.paid, list(earnings.last)) == (0, 0, [])


def test_cash_is_found_by_its_code_and_paid_once_and_wrong_codes_lock(town: Town) -> None:
    town.tell(AKINYI, commands.ChangePayout("kiosk_cash", None))
    code = place_order(town.shop)["code"]
    town.tell(AKINYI, commands.AcceptOrder(code))
    (part,) = town.ask(OTIENO, lambda session: session.expected(code))
    town.tell(OTIENO, commands.ReceiveGoods(part.part, 1))
    happened = town.marketplace.events(0, 100, town.shop.clock())
    (digits,) = [event.notice.cash_code for event in happened if event.notice and event.notice.cash_code]
    found = town.tell(OTIENO, commands.FindCash(digits))
    assert (found.values["amount"], found.values["artisan"]) == (1620_00, "Akinyi Ouma")
    payout = str(found.values["payout"])
    assert town.tell(OTIENO, commands.PayCash(payout)).kind == "done"
    assert town.tell(OTIENO, commands.PayCash(payout)).reason == "payout_not_awaiting_collection"

    for _ in range(3):
        assert town.tell(OTIENO, commands.FindCash("000000")).reason == "wrong_code"
    assert town.tell(OTIENO, commands.FindCash("000000")).reason == "locked"


def test_who_wants_to_be_called_waits_once(town: Town) -> None:
    assert town.tell(JOY, commands.RequestCall()) == town.tell(JOY, commands.RequestCall())
    assert len(town.shop.api("GET", "/help-requests")["data"]) == 1


# -- what happened


def test_what_happened_is_read_from_a_number_on_with_the_people_it_concerns(town: Town) -> None:
    placed = place_order(town.shop)
    now = town.shop.clock()
    everything = town.marketplace.events(0, 100, now)
    assert [event.type for event in everything] == town.shop.events()
    last = everything[-1]
    assert isinstance(last.data, OrderData)
    assert (last.type, last.data.code) == ("order.placed", placed["code"])
    (artisan,) = last.artisans.values()
    assert (artisan.msisdn, artisan.language, artisan.kiosk) == (AKINYI, "en", "Lakeside")

    assert list(town.marketplace.events(0, 1, now)) == list(everything)[:1]
    assert list(town.marketplace.events(everything[-2].seq, 100, now)) == [last]
    assert list(town.marketplace.events(last.seq, 100, now)) == []


# -- the suite itself


def test_every_command_that_a_shop_performs_is_tried_here() -> None:
    tried, names = Path(__file__).read_text(), [command.__name__ for command in get_args(commands.ShopCommand)]

    assert [name for name in names if f"commands.{name}(" not in tried] == []

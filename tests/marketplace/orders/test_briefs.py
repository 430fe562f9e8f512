"""Briefs: many artisans are asked, each makes a part, and the sums are right after any steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.db.engine import create_engine
from marketplace_api.accounts import artisans
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Base, Kiosk, Order
from marketplace_api.orders import briefs, deadlines, orders, pieces, receiving
from marketplace_api.orders.briefs import NewBrief
from marketplace_api.orders.receiving import ExpectedParts
from marketplace_api.payments import audit, balances
from marketplace_api.refused import Refused
from marketplace_api.schemas.orders import Order as OrderSchema
from marketplace_api.shop import Shop
from tests.marketplace.conftest import TERMS, Sample, ShopDatabase, bring, recorded, register, request, seed_sample
from tests.marketplace.orders.test_orders import event_types, reason
from tests.runs import cases
from tests.threads import together

pytestmark = pytest.mark.every_store

BASKETS = NewBrief("Gift basket", "baskets", 1_000_33, 100, date(2026, 12, 20))


@pytest.fixture
def weavers(database: ShopDatabase, sample: Sample) -> list[Artisan]:
    """Amina and two other artisans of the same kiosk and craft."""
    with database.open() as shop:
        register(shop, sample.kiosk, "+254722000009", craft="pottery")
    weavers = [sample.artisan]
    for n in (1, 2):
        database.advance(minutes=1)  # artisans are asked in the order in which they registered
        with database.open() as shop:
            weavers.append(register(shop, sample.kiosk, f"+25472200000{n}", name=f"Weaver {n}"))
    return weavers


def brief(shop: Shop, **other: object) -> Order:
    return briefs.place(shop, request(), replace(BASKETS, **other))  # type: ignore[arg-type]


def statuses(order: Order) -> list[str]:
    return [part.status for part in order.assignments]


def test_a_brief_is_filled_part_by_part_made_and_paid(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        order = brief(shop)
        assert statuses(order) == ["offered"] * 3
        orders.accept(shop, weavers[0], order.code, 60)
        assert (order.status, pieces.left(order)) == ("placed", 40)
        orders.accept(shop, weavers[1], order.code)
        assert (order.status, statuses(order)) == ("accepted", ["accepted", "accepted", "passed"])
        for part in list(order.assignments[:2]):
            receiving.receive(shop, sample.kiosk, part.id, part.quantity)
        assert order.status == "at_kiosk"
        paid = [balances.balance_of(shop, weaver).owed for weaver in weavers]
    assert paid == [54_017_82, 36_011_88, 0]
    assert (order.total, order.artisan_earns) == (100_033_00, sum(paid))
    assert event_types(shop)[-7:] == [
        "order.placed",
        "order.part_accepted",
        "order.accepted",
        "order.part_received",
        "payout.created",
        "order.at_kiosk",
        "payout.created",
    ]


def test_a_brief_is_offered_to_its_craft_and_kiosk(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        elsewhere = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000002")
        far = register(shop, elsewhere, "+254722000005")
        assert {part.artisan_id for part in brief(shop).assignments} == {far.id, *(weaver.id for weaver in weavers)}
        there = brief(shop, kiosk_id=elsewhere.id)
        assert [part.artisan_id for part in there.assignments] == [far.id]
        assert reason(lambda: brief(shop, category="leather")) == "nobody_to_ask"
        assert reason(lambda: brief(shop, category="jam")) == "unknown_category"
        assert reason(lambda: brief(shop, due_on=shop.today)) == "due_too_soon"
        assert reason(lambda: brief(shop, kiosk_id="ksk_none")) == "unknown_kiosk"


def test_the_least_busy_artisans_are_asked_first(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(briefs, "MOST_OFFERS", 2)
    with database.open() as shop:
        first = brief(shop)
        orders.accept(shop, weavers[0], first.code, 10)
        second = brief(shop)
    assert {part.artisan_id for part in second.assignments} == {weavers[1].id, weavers[2].id}


@pytest.mark.parametrize("count", [0, -1, 41, 1000])
def test_an_artisan_cannot_accept_more_pieces_than_are_left(
    database: ShopDatabase, weavers: list[Artisan], count: int
) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.accept(shop, weavers[0], order.code, 60)
        with pytest.raises(Refused) as refused:
            orders.accept(shop, weavers[1], order.code, count)
        assert refused.value.values == {"code": order.code, "count": count, "most": 40}
        assert pieces.left(order) == 40


def test_no_day_after_the_due_day_can_be_promised(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        order = brief(shop)
        late = BASKETS.due_on + timedelta(days=1)
        assert reason(lambda: orders.accept(shop, weavers[0], order.code, 5, late)) == "too_late"
        part = orders.accept(shop, weavers[0], order.code, 5, BASKETS.due_on)
        assert (part.promised_on, part.due_on) == (BASKETS.due_on, BASKETS.due_on)


def test_accepting_after_all_pieces_were_accepted_is_refused(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.accept(shop, weavers[0], order.code)
        assert reason(lambda: orders.accept(shop, weavers[1], order.code)) == "order_not_open"
        assert reason(lambda: orders.decline(shop, weavers[1], order.code)) == "order_not_open"


def test_when_all_artisans_have_answered_the_brief_is_declined_or_made_in_part(
    database: ShopDatabase, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        unwanted, wanted = brief(shop), brief(shop)
        orders.accept(shop, weavers[0], wanted.code, 30)
        for weaver in weavers:
            orders.decline(shop, weaver, unwanted.code, "price")
        for weaver in weavers[1:]:
            orders.decline(shop, weaver, wanted.code)
    assert unwanted.status == "declined"
    assert (wanted.status, wanted.total, pieces.count(wanted)) == ("accepted", 30 * 1_000_33, 30)


def test_an_expired_brief_is_made_in_part_or_not_at_all(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        unanswered, begun = brief(shop), brief(shop)
        orders.accept(shop, weavers[0], begun.code, 30)
        assert deadlines.expire_offers(shop) == 0
    database.now = unanswered.expires_at
    with database.open() as shop:
        assert deadlines.expire_offers(shop) == 2
        ended = [orders.by_id(shop, order.id) for order in (unanswered, begun)]
        assert [order.status for order in ended] == ["expired", "accepted"]
        assert statuses(ended[1]) == ["accepted", "expired", "expired"]
        assert deadlines.expire_offers(shop) == 0


def test_an_offer_ends_before_the_due_day(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        soon = brief(shop, due_on=shop.today + timedelta(days=1))
        assert soon.expires_at == shop.midnight(shop.today + timedelta(days=1))
        assert brief(shop).expires_at == shop.now + briefs.OFFER_STANDS


def test_a_released_part_is_offered_again(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.accept(shop, weavers[0], order.code, 60)
        orders.accept(shop, weavers[1], order.code)
        orders.release(shop, weavers[0], order.code)
        assert (order.status, pieces.left(order)) == ("placed", 60)
        assert statuses(order) == ["released", "accepted", "offered"]
        orders.accept(shop, weavers[2], order.code)
        assert (order.status, pieces.count(order)) == ("accepted", 100)
        assert event_types(shop)[-2:] == ["order.reopened", "order.accepted"]
        assert reason(lambda: orders.accept(shop, weavers[0], order.code)) == "order_not_open"


def test_a_release_after_the_offer_ended_leaves_the_other_parts(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.accept(shop, weavers[0], order.code, 60)
        orders.accept(shop, weavers[1], order.code)
    database.now = order.expires_at
    with database.open() as shop:
        orders.release(shop, weavers[0], order.code)
        order = orders.by_id(shop, order.id)
        assert (order.status, order.total) == ("accepted", 40 * 1_000_33)
        orders.release(shop, weavers[1], order.code)
        assert order.status == "declined"


def test_a_released_order_of_a_product_is_declined_and_not_restocked(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = orders.place(shop, request(), sample.product.id, 2)
        orders.accept(shop, sample.artisan, order.code)
        orders.release(shop, sample.artisan, order.code)
        assert order.product is not None
        assert (order.status, order.product.quantity) == ("declined", 1)


def test_a_brief_is_cancelled_until_a_part_is_accepted(database: ShopDatabase, weavers: list[Artisan]) -> None:
    with database.open() as shop:
        untouched, begun = brief(shop), brief(shop)
        orders.accept(shop, weavers[0], begun.code, 1)
        assert orders.cancel(shop, untouched).status == "cancelled"
        assert reason(lambda: orders.cancel(shop, begun)) == "order_being_made"


# -- at the kiosk


def accepted(shop: Shop, sample: Sample, quantity: int = 3) -> Order:
    order = orders.place(shop, request(), sample.product.id, quantity)
    orders.accept(shop, sample.artisan, order.code)
    return order


def test_two_deliveries_are_paid_by_two_payouts(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = accepted(shop, sample)
        bring(shop, sample.kiosk, order, 1, follows=True)
        assert (order.status, [part.quantity for part in order.assignments]) == ("accepted", [1, 2])
        assert [part.quantity for part in receiving.expected_parts(shop, sample.kiosk, order.code)] == [2]
        bring(shop, sample.kiosk, order, 2)
        assert (order.status, order.total) == ("at_kiosk", 450_000)
        assert sorted(payout.amount for payout in balances.balance_of(shop, sample.artisan).last) == [135_000, 270_000]


def test_rejected_pieces_have_a_reason_and_are_neither_paid_nor_charged(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = accepted(shop, sample)
        part = bring(shop, sample.kiosk, order, 2, refused=1, reason="damaged")
        assert (part.quantity, part.refused, part.reason) == (2, 1, "damaged")
        assert (order.status, order.total) == ("at_kiosk", 300_000)
        assert event_types(shop)[-3:] == ["order.at_kiosk", "order.goods_refused", "payout.created"]


def test_rejected_pieces_can_be_made_again(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = accepted(shop, sample)
        bring(shop, sample.kiosk, order, 0, refused=3, reason="different", follows=True)
        assert (order.status, statuses(order), order.total) == ("accepted", ["accepted"], 450_000)
        bring(shop, sample.kiosk, order, 3)
        assert (order.status, order.total) == ("at_kiosk", 450_000)


def test_an_order_without_good_pieces_ends_without_payment(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = accepted(shop, sample)
        bring(shop, sample.kiosk, order, 0, refused=3, reason="badly_made")
        assert (order.status, statuses(order)) == ("declined", ["refused"])
        assert balances.balance_of(shop, sample.artisan) == balances.ArtisanBalance(0, 0, [], 0)


@pytest.mark.parametrize(("count", "refused"), [(0, 0), (4, 0), (3, 1), (-1, 2), (2, -1)])
def test_no_more_pieces_are_received_than_accepted(
    database: ShopDatabase, sample: Sample, count: int, refused: int
) -> None:
    with database.open() as shop:
        order = accepted(shop, sample)
        assert reason(lambda: bring(shop, sample.kiosk, order, count, refused=refused)) == "wrong_count"
        assert (order.status, order.total) == ("accepted", 450_000)


def test_goods_of_a_brief_are_received_at_its_kiosk(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        elsewhere = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000002")
        order = brief(shop, kiosk_id=sample.kiosk.id)
        orders.accept(shop, weavers[0], order.code, 5)
        artisans.set_kiosk(shop, weavers[0], elsewhere.id)
        assert reason(lambda: bring(shop, elsewhere, order, 5)) == "other_kiosk"
        assert receiving.expected_parts(shop, elsewhere) == []
        assert receiving.count_expected(shop, elsewhere) == ExpectedParts(0, 0)
        assert receiving.count_expected(shop, sample.kiosk) == ExpectedParts(1, 0)
        assert bring(shop, sample.kiosk, order, 5).received_at == shop.now


def test_a_kiosk_counts_and_lists_what_its_artisans_and_its_briefs_bring(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        other = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000002")
        here, anywhere = brief(shop, kiosk_id=sample.kiosk.id), brief(shop)
        for weaver, order in ((weavers[0], here), (weavers[1], here), (weavers[0], anywhere), (weavers[1], anywhere)):
            orders.accept(shop, weaver, order.code, 2)
        artisans.set_kiosk(shop, weavers[0], other.id)
        orders.mark_ready(shop, weavers[0], here.code)

        def expected(kiosk: Kiosk) -> set[tuple[str, str]]:
            return {(part.artisan_id, part.order.code) for part in receiving.expected_parts(shop, kiosk)}

        assert expected(other) == {(weavers[0].id, anywhere.code)}
        assert receiving.count_expected(shop, other) == ExpectedParts(1, 0)
        assert expected(sample.kiosk) == {
            (weavers[0].id, here.code),
            (weavers[1].id, here.code),
            (weavers[1].id, anywhere.code),
        }
        assert receiving.count_expected(shop, sample.kiosk) == ExpectedParts(3, 1)


# -- reminders


def test_an_open_offer_is_reminded_of_once_a_day_unless_it_is_new(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.decline(shop, weavers[2], order.code)
        assert deadlines.send_reminders(shop) == 0
    database.advance(hours=7)
    with database.open() as shop:
        assert deadlines.send_reminders(shop) == 2
        assert deadlines.send_reminders(shop) == 0
        reminded = recorded(shop)[-1]
    assert reminded.type == "order.reminded"
    now = database.now.isoformat().replace("+00:00", "Z")
    assert [part["reminded_at"] for part in reminded.data["assignments"]] == [now, now, None]
    database.advance(hours=20)
    with database.open() as shop:
        assert deadlines.send_reminders(shop) == 2


def test_a_due_part_is_reminded_of_until_it_is_ready(
    database: ShopDatabase, sample: Sample, weavers: list[Artisan]
) -> None:
    with database.open() as shop:
        order = brief(shop)
        orders.accept(shop, weavers[0], order.code, 50, shop.today + timedelta(days=5))
        orders.accept(shop, weavers[1], order.code)
    database.advance(days=4)
    with database.open() as shop:
        assert deadlines.send_reminders(shop) == 1
    database.advance(days=1)
    with database.open() as shop:
        assert deadlines.send_reminders(shop) == 1
        orders.mark_ready(shop, weavers[0], order.code)
    database.advance(days=1)
    with database.open() as shop:
        assert deadlines.send_reminders(shop) == 0


# -- the sums


def race(database: ShopDatabase, weavers: Sequence[Artisan], code: str, each: int) -> list[str]:
    """All accept `each` pieces at the same moment; returns `accepted` or the reason of the refusal for each."""

    def take(number: int) -> str:
        try:
            with database.open() as shop:
                orders.accept(shop, artisans.by_id(shop, weavers[number].id), code, each)
        except Refused as refused:
            return refused.reason
        return "accepted"

    return together(len(weavers), take)


def test_artisans_who_accept_at_once_never_take_a_piece_twice(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        many = [register(shop, sample.kiosk, f"+2547220001{n:02}") for n in range(12)]
        order = brief(shop)
    outcomes = race(database, many, order.code, 30)
    with database.open() as shop:
        order = orders.by_id(shop, order.id)
        assert outcomes.count("accepted") == 3
        assert pieces.left(order) == 10
        assert order.status == "placed"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "decline", "release", "bring", "refuse", "two_goes", "expire", "cancel"]),
        st.integers(0, 2),
        st.integers(1, 120),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def memory() -> Iterator[tuple[ShopDatabase, Sample]]:
    """One database in memory for all examples; what an example writes is rolled back."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    database = ShopDatabase(engine)
    yield database, seed_sample(database)
    engine.dispose()


@settings(max_examples=cases(60))
@given(steps=STEPS, price=st.integers(1, 10_000_00), percent=st.integers(0, 90))
def test_after_any_steps_the_sums_are_right_and_every_good_piece_is_paid_once(
    memory: tuple[ShopDatabase, Sample], steps: list[tuple[str, int, int]], price: int, percent: int
) -> None:
    database, sample = memory
    with database.sessions() as session:
        terms = replace(TERMS, commission_percent=percent)
        shop = replace(database.shop(session), terms=terms)
        weavers = [sample.artisan, *(register(shop, sample.kiosk, f"+25472200000{n}") for n in (1, 2))]
        order = brief(shop, unit_price=price)
        good = 0
        for step, index, count in steps:
            good += perform_step(shop, sample.kiosk, weavers[index], order, step, count)
            check_sums(shop, order, good)


def perform_step(shop: Shop, kiosk: Kiosk, weaver: Artisan, order: Order, step: str, count: int) -> int:
    """Try one step; returns how many good pieces were received by it."""
    expected = [part for part in receiving.expected_parts(shop, kiosk, order.code) if part.artisan_id == weaver.id]
    try:
        with shop.session.begin_nested():
            match step:
                case "accept":
                    orders.accept(shop, weaver, order.code, count)
                case "decline":
                    orders.decline(shop, weaver, order.code)
                case "release":
                    orders.release(shop, weaver, order.code)
                case "bring" if expected:
                    return receiving.receive(shop, kiosk, expected[0].id, count).quantity
                case "two_goes" if expected:
                    return receiving.receive(shop, kiosk, expected[0].id, count, follows=True).quantity
                case "refuse" if expected:
                    receiving.receive(shop, kiosk, expected[0].id, 0, refused=count, reason="damaged")
                case "expire":
                    orders.expire(shop, order)
                case "cancel":
                    orders.cancel(shop, order)
    except Refused:
        shop.session.expire_all()
    return 0


def check_sums(shop: Shop, order: Order, good: int) -> None:
    taken = [part for part in order.assignments if part.status in pieces.TAKEN]
    received = [part for part in taken if part.status == "received"]
    weavers = {part.artisan_id for part in taken}
    earned = {weaver: sum(part.earns for part in received if part.artisan_id == weaver) for weaver in weavers}
    assert sum(part.quantity for part in taken) <= order.quantity
    assert sum(part.quantity for part in received) == good
    assert balances.amounts_owed(shop, weavers) == earned
    assert list(audit.inconsistencies(shop)) == [], (
        "all debts are in payouts, except amounts that are too small for a payout"
    )
    assert order.commission + order.artisan_earns == order.total
    assert order.total == order.unit_price * pieces.count(order)
    if order.status == "at_kiosk":
        assert sum(earned.values()) == order.artisan_earns
    OrderSchema.of(order)

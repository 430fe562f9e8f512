"""`flask fx`, `shipping`, `tax`, `payments` and the credit of a key: what is set is shown, what is wrong is refused."""

from __future__ import annotations

import click
import pytest

from bot.cli import amounts
from marketplace_api.accounts import api_keys
from marketplace_api.orders import paying
from marketplace_api.payments import charges, exchange, storefronts
from tests.actors import TESTER
from tests.command_line import run_command
from tests.service import Service


def done(service: Service, line: str) -> str:
    """What a command printed that succeeded."""
    result = run_command(service.app, *line.split())
    assert result.exit_code == 0, result.output
    return result.output


def test_a_rate_is_set_and_shown_and_becomes_too_old(embedded: Service) -> None:
    assert "cards can only be charged in the shop's currency" in done(embedded, "fx show")
    assert done(embedded, "fx set USD 130.00") == "1 USD is 130.00 KES, and buyers pay 0 % more\n"
    done(embedded, "fx set USD 129.50 --margin 2.0")
    done(embedded, "fx set EUR 140")
    shown = done(embedded, "fx show").splitlines()
    assert [line.partition(", set")[0] for line in shown] == [
        "1 EUR is 140 KES, margin 0 %",
        "1 USD is 129.50 KES, margin 2.0 %",
    ]
    assert all(" by cli:" in line and "too old" not in line for line in shown)
    with embedded.services.database.reading() as session:
        price = exchange.price_in(embedded.services.shop(session, TESTER), 129_50, "USD")
    assert (price.amount, price.currency) == (102, "USD")
    embedded.later(hours=25)
    assert all("too old" in line for line in done(embedded, "fx show").splitlines())


def test_shipping_is_set_and_shown(embedded: Service) -> None:
    assert done(embedded, "shipping show") == "shipping is free everywhere\n"
    done(embedded, "shipping set GB 1500 --pieces 2")
    done(embedded, "shipping set GB 2500.50 --pieces 5")
    assert "KSh 4,000 for up to 1000 pieces" in done(embedded, "shipping set * 4000")
    assert done(embedded, "shipping show").splitlines() == [
        "*: KSh 4,000 for up to 1000 pieces",
        "GB: KSh 1,500 for up to 2 pieces",
        "GB: KSh 2,500.50 for up to 5 pieces",
    ]
    with embedded.services.database.reading() as session:
        assert charges.shipping(embedded.services.shop(session, TESTER), "GB", 3) == 2_500_50


def test_a_tax_is_set_and_shown(embedded: Service) -> None:
    assert done(embedded, "tax show") == "no tax is set\n"
    done(embedded, "tax set GB 20")
    done(embedded, "tax set KE 16.5")
    assert done(embedded, "tax show").splitlines() == ["GB: 20.00 %", "KE: 16.50 %"]
    with embedded.services.database.reading() as session:
        assert charges.tax_points(embedded.services.shop(session, TESTER), "KE") == 1650


def test_a_paused_collector_is_resumed(embedded: Service) -> None:
    with embedded.services.database.writing.begin() as session:
        paying.pause_collecting(embedded.services.shop(session, TESTER), "mpesa", "wrong passkey")
    assert done(embedded, "collecting resume mpesa") == "mpesa is used again\n"
    assert done(embedded, "collecting resume mpesa") == "mpesa was not paused\n"


@pytest.mark.parametrize(
    ("credit", "may_vouch", "amount"),
    [
        ("", True, None),
        ("--credit unlimited", True, None),
        ("--credit none", False, 0),
        ("--credit 5000", True, 5000_00),
    ],
)
def test_a_key_is_created_with_its_credit(embedded: Service, credit: str, may_vouch: bool, amount: int | None) -> None:
    key = done(embedded, f"apikey create shop --scope storefront {credit}").strip()
    with embedded.services.database.reading() as session:
        shop = embedded.services.shop(session, TESTER)
        caller = api_keys.find(session, key, shop.now)
        assert caller
        terms = storefronts.terms_of(shop, caller.id)
    assert (terms.may_vouch, terms.credit) == (may_vouch, amount)


@pytest.mark.parametrize(
    "line",
    [
        "fx set USD 0",
        "fx set USD -1",
        "fx set USD 1e3",
        "fx set USD 129,50",
        "fx set USD nan",
        "fx set KES 1",
        "fx set usd 129",
        "fx set XYZ 129",
        "fx set USD 129 --margin 100",
        "fx set USD 129 --margin x",
        "shipping set UK 100",
        "shipping set GB 10.005",
        "shipping set GB -5",
        "shipping set GB ١٢",
        "shipping set GB 99999999999999",
        "shipping set GB 5 --pieces 0",
        "tax set XX 16",
        "tax set KE 100.01",
        "tax set KE 1.005",
        "apikey create shop --scope storefront --credit lots",
        "apikey create shop --scope storefront --credit -1",
        "apikey create shop --scope storefront --credit 0.001",
        "apikey create shop --scope kiosks --credit 100",
    ],
)
def test_what_is_wrong_is_refused_in_words_and_nothing_is_stored(embedded: Service, line: str) -> None:
    result = run_command(embedded.app, *line.split())
    assert (result.exit_code, "Traceback" in result.output) == (2, False)
    assert "Error: Invalid value for" in result.output or "Error: No such option" in result.output
    with embedded.services.database.reading() as session:
        shop = embedded.services.shop(session, TESTER)
        assert [*exchange.newest(shop), *charges.all_shipping(shop), *charges.all_taxes(shop)] == []
        assert "shop" not in [key.name for key in api_keys.list_all(shop)]


@pytest.mark.parametrize(
    ("typed", "currency", "units"), [("1500", "UGX", 1500), ("1.5", "KES", 150), ("1.005", "BHD", 1005)]
)
def test_an_amount_has_the_digits_of_its_currency(typed: str, currency: str, units: int) -> None:
    assert amounts.amount(typed, currency) == units


@pytest.mark.parametrize(("typed", "currency"), [("1500.50", "UGX"), ("1500.5", "JPY"), ("1.005", "KES")])
def test_cents_of_a_currency_without_them_are_refused(typed: str, currency: str) -> None:
    with pytest.raises(click.BadParameter, match=f"no amount of {currency}"):
        amounts.amount(typed, currency)

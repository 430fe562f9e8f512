"""`/privacy` says in each language what is kept, and the order form links to it."""

from __future__ import annotations

import pytest

from tests.bot import fixtures
from tests.service import Service


@pytest.mark.parametrize(
    ("query", "accepted", "language", "words"),
    [
        ("", "", "en", "Your data at Soko"),
        ("", "sw;q=0.8, de", "sw", "Data zako katika Soko"),
        ("?lang=fr", "sw", "fr", "Vos données chez Soko"),
        ("?lang=am", "", "am", "የእርስዎ መረጃ በሶኮ"),
        ("?lang=xx", "", "en", "Your data at Soko"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for(
    embedded: Service, query: str, accepted: str, language: str, words: str
) -> None:
    answer = embedded.http.get(f"/privacy{query}", headers={"Accept-Language": accepted})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in page
    assert f"<h1>{words}</h1>" in page
    assert "365" in page
    assert "STOP" in page
    assert [f'href="?lang={code}"' in page for code in embedded.settings.languages] == [True] * 4


def test_the_order_form_says_what_its_data_are_used_for(embedded: Service) -> None:
    (product,) = fixtures.products_titled(embedded, fixtures.POT)
    page = embedded.http.get(f"/products/{product['code']}").get_data(as_text=True)
    assert 'We use your name, phone and address for this order, and sell them to nobody: <a href="/privacy' in page

"""What the tests of all readers share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from flows.reading.result import Unreadable

SURE, GUESS = True, False
LABELS = ["Sell something", "My products", "Orders", "My money", "Settings", "Help"]
KEYWORDS = {
    "sell": "SELL",
    "uza": "SELL",
    "stop": "STOP",
    "Arrêt": "STOP",
    "my products": "PRODUCTS",
    "products": "PRODUCTS",
    "ሽጥ": "SELL",
}

any_text = st.text(max_size=200) | st.text(st.sampled_from("0123456789lOoIkx×.,/=-@' ksh*;\u00a0፩٣"), max_size=60)


def reason_of(read: Callable[[], object]) -> str:
    """Why the text cannot be read."""
    with pytest.raises(Unreadable) as refusal:
        read()
    return refusal.value.reason

"""How much of the text of each call this process has consumed, for a call whose session is lost right after that."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

CALLS_KEPT = 10_000


class CallProgress:
    """Lengths of consumed texts, by phone and gateway's id of the call; the `CALLS_KEPT` latest calls are kept."""

    def __init__(self) -> None:
        self._lengths: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = Lock()

    def note(self, msisdn: str, call_id: str, length: int) -> None:
        """Note how much of the text of a call is consumed."""
        with self._lock:
            self._lengths[msisdn, call_id] = length
            self._lengths.move_to_end((msisdn, call_id))
            if len(self._lengths) > CALLS_KEPT:
                self._lengths.popitem(last=False)

    def length(self, msisdn: str, call_id: str) -> int | None:
        """How much was consumed when this process last answered the call; None if it did not, or long ago."""
        return self._lengths.get((msisdn, call_id))

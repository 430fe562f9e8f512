"""How many of our functions a hop through menus calls, from the WSGI server on: more than half of its processor time.

The number is the same in each run and on each machine, unlike times. `docs/performance.md` says what they take.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from werkzeug.test import EnvironBuilder

from bot.simulator.gateway import OF_SIMULATOR
from tests.bot.fixtures import AKINYI, choose_language
from tests.service import Service

DIAL, HOP = 192, 185
"""The most calls of a first hop and of a later one. Raise them only for something worth its time in each hop."""
OURS = str(Path(__file__).parents[3])
USSD = "/webhooks/africastalking/dev/ussd"
ANSWERS = ("5", "0", "6", "0")


def calls_of_a_hop(service: Service, call: str, answers: tuple[str, ...]) -> list[str]:
    """The functions of this repository that a hop calls, in order."""
    text = "*".join(answers)
    fields = {"sessionId": call, "phoneNumber": AKINYI, "serviceCode": "*384*22#", "text": text, "networkCode": "63902"}
    builder = EnvironBuilder(path=USSD, method="POST", data=fields)
    if answers:
        builder.headers["at-ussd-hop-metadata"] = str(len("*".join(answers[:-1])))
    environ, called = builder.get_environ(), list[str]()
    environ[OF_SIMULATOR] = True  # as in production, where no request from outside is noted for the wire log

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(OURS) and "site-packages" not in file:
            called.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        screen = b"".join(service.app(environ, lambda *_: lambda _data: None))
    finally:
        sys.setprofile(None)
    assert screen.startswith(b"CON "), screen
    return called


def test_a_hop_through_menus_calls_few_functions(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    for call in ("ATUid_warm", "ATUid_1"):
        hops = [calls_of_a_hop(service, call, ANSWERS[:answered]) for answered in range(len(ANSWERS) + 1)]

    dial, *later = map(len, hops)
    assert dial <= DIAL, hops[0]
    assert max(later) <= HOP, max(hops[1:], key=len)

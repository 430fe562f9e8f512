"""The steps of README.md from an empty phone to the first artisan who is paid, done by the requests of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo import seed
from tests.repository.architecture import ROOT
from tests.repository.test_tutorial import HANDSETS
from tests.service import Service, serving

ROW = re.compile(r"^\| (the .+?) \| (.+) \| (\w+): \*(.+)\* \|$", re.MULTILINE)
STEPS = ROW.findall((ROOT / "README.md").read_text())
PHONES = dict(HANDSETS)


class WrongStepError(AssertionError):
    """What a step promises is not seen."""


@dataclass
class Newcomer:
    """Somebody who does what the page says, on a new server."""

    service: Service
    code: str = ""
    screen: str = ""

    def follow(self, where: str, what: str, who: str, seen: str) -> None:
        """Do one step, and look for what should be seen then. Raises WrongStepError."""
        typed = [words.replace("CODE", self.code) for words in re.findall(r"`(.+?)`", what)]
        phone = next((msisdn for role, msisdn in PHONES.items() if f"the {role}'s" in where), "")
        self.screen = ""
        if "*Call*" in what:
            self._call(phone, typed)
        elif "*Place order*" in what:
            self._order(*re.findall(r"choose \*(.+?)\*", what))
        for words in typed if "*Texts*" in where else ():
            self._ask("text", msisdn=phone, text=words)
            self.service.work()
        shown = "\n".join([self.screen, *self.service.inbox(PHONES[who])])
        if seen.replace("CODE", self.code) not in shown:
            raise WrongStepError(f"{where}: {seen!r} is not in {shown!r}")

    def _call(self, phone: str, typed: list[str]) -> None:
        call = {"msisdn": phone, "session_id": f"ATUid_{phone[1:]}", "code": self.service.settings.ussd_code}
        self._ask("dial", **call)
        for number in range(1, len(typed) + 1):
            self.screen = self._ask("answer", **call, text="*".join(typed[:number]))["reply"]

    def _order(self, title: str) -> None:
        """Order as the page's form does: the newest product with this title, with what stands in the form."""
        products = self.service.http.get("/api/v1/products?limit=100").get_json()["data"]
        product = next(product for product in products if product["title"] == title)
        form = (ROOT / "bot/simulator/templates/simulator/storefront.html").read_text()
        filled = dict(re.findall(r'name="((?:buyer|ship_to)\.\w+)" value="(.+?)"', form))
        ship_to = {name.partition(".")[2]: value for name, value in filled.items() if name.startswith("ship_to")}
        name = filled["buyer.name"]
        buyer = {"name": name, "phone": PHONES["buyer"], "locale": "en"}
        body = {"product_id": product["id"], "quantity": 1, "buyer": buyer, "ship_to": {"name": name, **ship_to}}
        self.code = self._ask("orders", **body, payment={"by": "storefront"})["code"]

    def _ask(self, path: str, **body: object) -> dict[str, str]:
        answer = self.service.http.post(f"/simulator/{path}", json=body)
        assert answer.status_code < 300, answer.text
        found: dict[str, str] = answer.get_json()
        return found


def follow(steps: list[tuple[str, str, str, str]], folder: Path) -> None:
    with serving(folder) as service:
        for name, town, _, agent in seed.KIOSKS:
            service.kiosk(agent, name, town)
        newcomer = Newcomer(service)
        for step in steps:
            newcomer.follow(*step)


def test_the_steps_of_the_readme_lead_to_the_first_artisan_who_is_paid(tmp_path: Path) -> None:
    assert len(STEPS) == 6
    follow(STEPS, tmp_path)


def test_a_step_that_is_left_out_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(WrongStepError, match="Received: 1 x kiondo basket"):
        follow([*STEPS[:3], *STEPS[4:]], tmp_path)

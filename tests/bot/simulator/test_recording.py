"""What phones do becomes a transcript, which plays with no difference."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.playground.transcript import TranscriptPlayer, settings_of
from bot.simulator import recording, transcripts
from tests.bot.fixtures import JOY, NEW_PHONE, OTIENO
from tests.runs import is_full
from tests.service import Service, serving

AMINA, STRANGER = "+254711000111", "+254799000888"
AKINYI = "+254711000103"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Service]:
    """A shop with the demo data, whose ids and codes are drawn as at random."""
    (tmp_path / "live").mkdir()
    with serving(tmp_path / "live") as service:
        service.add_demo()
        service.ids.sources["code"].seed("live")
        service.work()
        yield service


class PagePhone:
    """A phone of the page: what it is asked to post is what the page posts."""

    def __init__(self, service: Service, msisdn: str) -> None:
        self.service, self.msisdn, self.typed = service, msisdn, list[str]()
        self.session = ""

    def post(self, path: str, **fields: str) -> Any:
        answer = self.service.http.post(f"/simulator/{path}", json={"msisdn": self.msisdn, **fields})
        assert answer.status_code == 200, answer.text
        self.service.work()
        return answer.get_json()

    def call(self, *answers: str) -> str:
        self.session, self.typed = self.service.new_id(), []
        shown = self.hop("dial")
        for answer in answers:
            self.typed.append(answer)
            shown = self.hop("answer", text="*".join(self.typed))
        return shown

    def hop(self, path: str, **fields: str) -> str:
        return str(self.post(path, session_id=self.session, code="*384*22#", **fields)["reply"])

    def hang_up(self) -> None:
        self.post("hang-up", session_id=self.session, code="*384*22#", text="*".join(self.typed))

    def text(self, words: str, **fields: str) -> None:
        self.post("text", text=words, **fields)

    def last(self, words: str) -> str:
        """The newest text to this phone with these words."""
        return next(text for text in reversed(self.service.inbox(self.msisdn)) if words in text)


def play(script: str, folder: Path) -> str:
    folder.mkdir()
    with serving(folder, **settings_of(script)) as service:
        return TranscriptPlayer(service).play(script)


def tell_the_story(service: Service) -> tuple[str, str, str]:
    """Plays the whole story on three phones; returns the codes of the product and of the order, and the cash code."""
    amina, joy, otieno = (PagePhone(service, msisdn) for msisdn in (AMINA, JOY, OTIENO))
    amina.call("1")
    amina.hang_up()
    amina.call("1", "Amina", "1", "1", "3")
    amina.text("SELL fruit basket 1200 x3")
    amina.text("1", provider="twilio")
    amina.text("yes")
    product = next(
        each for each in service.api("GET", "/products?limit=100")["data"] if each["title"] == "fruit basket"
    )
    service.later(minutes=2)
    order = service.order(product["id"], 1, JOY, by_mpesa=True)["code"]
    service.work()
    (prompt,) = service.http.get("/simulator/prompts", query_string={"msisdn": JOY}).get_json()["data"]
    service.http.post(f"/simulator/prompts/{prompt['id']}", json={"pin": "4711"})
    service.later(seconds=2)
    amina.text(f"YES {order}")
    otieno.call("1", "1", order, "1", "1")
    cash = re.findall(r"\b\d{6}\b", amina.last("waits for you"))[-1]
    otieno.call("2", cash, "1")
    id = service.api("GET", "/orders")["data"][0]["id"]
    service.api("POST", f"/orders/{id}/ship", {"carrier": "G4S Courier", "tracking": "X1"})
    joy.text(f"RECEIVED {order}")
    return product["code"], order, cash


def test_a_recorded_story_plays_with_no_difference(shop: Service, tmp_path: Path) -> None:
    product, order, cash = tell_the_story(shop)
    script = recording.script(shop.services)
    assert not [line for line in script.splitlines() if line[:1] in "<^=" and line]

    first = play(script, tmp_path / "first")
    assert play(first, tmp_path / "again") == first

    lines = first.splitlines()
    assert [line for line in lines if line.startswith("@")] == [
        "@ amina ussd",
        "@ amina sms",
        "@ amina twilio",
        "@ amina sms",
        "@ otieno ussd",
        "@ joy sms",
    ]
    for played in (
        f"= product.listed {product}",
        "! drop",
        "! wait 2m",
        "! order joy 1 x fruit basket, by mpesa",
        "! pay joy",
        f"> YES {order}",
        f"> {order}",
        "> {code of amina}",
        f"! ship {order} G4S Courier X1",
        f"= order.delivered {order}",
    ):
        assert played in lines
    assert cash not in script
    assert shop.received(JOY)[-1] in first  # the phones saw the same, codes included


def test_a_refused_prompt_a_paybill_a_picture_and_what_no_transcript_can_play(shop: Service, tmp_path: Path) -> None:
    product = shop.api("GET", "/products")["data"][0]
    order = shop.order(product["id"], 1, JOY, by_mpesa=True)["code"]
    shop.work()
    (prompt,) = shop.http.get("/simulator/prompts", query_string={"msisdn": JOY}).get_json()["data"]
    shop.http.post(f"/simulator/prompts/{prompt['id']}", json={"pin": None})
    shop.later(seconds=2)
    amount = str(product["price"]["amount"] // 100)
    shop.http.post("/simulator/paybill", json={"msisdn": JOY, "account": order, "amount": amount})
    shop.later(seconds=2)
    shop.network.picture(AKINYI, "PHOTO nothing", b"")
    PagePhone(shop, NEW_PHONE).text("two\nlines")
    shop.http.post("/simulator/pay", json={"order": order, "fate": "late"})
    shop.gateway.text(STRANGER, "HELP")  # not a phone of the page
    script = recording.script(shop.services)

    assert "! refuse joy" in script
    assert f"! paybill joy {amount} {order}" in script
    assert "! picture PHOTO nothing" in script
    assert "> two\\nlines" in script
    assert f"# No transcript can play this: the payment of {order} was late." in script
    assert STRANGER not in script
    played = play(script, tmp_path / "first")
    assert "! refuse joy\n= payment.failed" in played
    assert f"= order.placed {order}" in played


def test_what_cannot_be_played_is_left_out_with_a_comment(tmp_path: Path) -> None:
    script = "@ joy ussd\n> 1\n! pay joy\n! cancel K7P4\n@ joy sms\n> {code of joy}\n"
    with serving(tmp_path) as service:
        played = TranscriptPlayer(service).play(script, leaves_out=True)
    left_out = [line for line in played.splitlines() if line.startswith("# This could not be played: ")]
    assert [line.partition(": ")[2] for line in left_out] == ["> 1", "! pay joy", "! cancel K7P4"]


def test_settings_that_are_read_are_in_the_transcript(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    with serving(tmp_path / "live", ussd_code="*123#", sms_short_code="5000") as service:
        PagePhone(service, NEW_PHONE).text("HELP")
        script = recording.script(service.services)
    assert settings_of(script) == {"ussd_code": "*123#", "sms_short_code": "5000"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to which transcripts are saved."""
    folder = tmp_path / "transcripts"
    folder.mkdir()
    monkeypatch.setattr(transcripts, "TESTS", folder)
    return folder


def test_a_transcript_is_saved_once_and_read(shop: Service, folder: Path) -> None:
    def save(**body: str) -> Any:
        return shop.http.post("/simulator/transcripts/saved", json=body)

    assert save(name="a_first_try", text="@ amina sms\n").get_json() == {"path": "tests/transcripts/a_first_try.txt"}
    assert save(name="a_first_try", text="other").status_code == 409
    assert save(name="../escaped", text="").status_code == 400
    assert shop.http.post("/simulator/transcripts/saved", data='{"name": "x", "text": ""}').status_code == 415
    assert [file.name for file in folder.parent.rglob("*.txt")] == ["a_first_try.txt"]

    listed = shop.http.get("/simulator/transcripts").get_json()
    assert listed == {"data": ["a_first_try"], "is_checkout": True}
    assert shop.http.get("/simulator/transcripts/a_first_try").text == "@ amina sms\n"
    assert shop.http.get("/simulator/transcripts/another").status_code == 404


def test_a_recording_is_answered_as_text_and_an_unplayable_one_in_words(
    shop: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    PagePhone(shop, NEW_PHONE).text("HELP")
    given: list[tuple[tuple[str, ...], str]] = []

    def run(*arguments: str, script: str) -> str:
        given.append((arguments, script))
        if len(given) > 1:
            raise transcripts.UnplayableError("line 3: ! dance: there is no action 'dance'")
        return "played"

    monkeypatch.setattr(transcripts, "run", run)
    recorded = shop.http.post("/simulator/transcripts")
    assert (recorded.status_code, recorded.mimetype, recorded.text) == (201, "text/plain", "played")
    assert given[0][0] == ("play", "--leave-out")
    assert "> HELP" in given[0][1]
    refused = shop.http.post("/simulator/transcripts/compare", json={"text": "! dance"})
    assert (refused.status_code, refused.get_json()) == (
        422,
        {"detail": "line 3: ! dance: there is no action 'dance'"},
    )


PROGRAM = """
import sys
script = sys.stdin.read()
if "dance" in script:
    sys.exit("Error: -: line 1: there is no action 'dance'")
print(script, sys.argv[1:], end="")
sys.exit(int("differs" in script))
"""
"""Stands in for the command, which takes seconds to start."""
COMMANDS = {
    "in its place": (sys.executable, "-c", PROGRAM),
    **({"the command": transcripts.COMMAND} if is_full() else {}),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_process_of_its_own_plays_and_compares(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "COMMAND", command)
    assert "# differs" in transcripts.run("diff", "--json", script="# differs\n")
    assert "@ amina sms" in transcripts.run("play", script="@ amina sms\n")
    with pytest.raises(transcripts.UnplayableError, match="there is no action 'dance'"):
        transcripts.run("play", script="! dance\n")

"""Every command of docs/api.md is run as a reader does: in one shop, from top to bottom, word for word.

    export PRODUCT=prd_…                        the first match in the output of the last command
    curl "$SOKO/api/v1/products/$PRODUCT" # 200

What the page shows after a request is a part of the answer; `…` stands for any word.
"""

from __future__ import annotations

import json
import re
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from standardwebhooks import WebhookVerificationError

from marketplace_api.rest.catalogue import ProductQuery
from marketplace_api.rest.lists import PageQuery
from marketplace_api.statuses import Scope
from state import messages
from tests.command_line import run_command
from tests.http_server import running_app
from tests.receivers import Receiver, receiving
from tests.repository.architecture import ROOT
from tests.service import OPERATOR_KEY, Service, serving

PAGE = (ROOT / "docs/api.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RECEIVERS = [text for language, text in BLOCKS if language == "python"]

CURL = ArgumentParser(prog="curl", allow_abbrev=False)
CURL.add_argument("url")
CURL.add_argument("-H", dest="headers", action="append", default=[])
CURL.add_argument("-X", dest="method")
CURL.add_argument("-i", dest="shows_head", action="store_true")
CURL.add_argument("--json")
CURL.add_argument("--retry", help="ignored: the shop is never too busy here")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A command, the status that the page promises, and what it shows of the answer, by language.

    The same command may be on the page again, with another answer.
    """

    command: str
    promised: int | None
    shown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: str
    body: str


class Reader:
    """A reader at a shell. `given` are the values that the page cannot know, such as the address of the shop."""

    def __init__(self, service: Service, given: Mapping[str, str]) -> None:
        self._service, self._given = service, given
        self._exported: dict[str, str] = {}
        self._printed = ""

    def run(self, command: str) -> Answer | None:
        """Runs a command; returns the answer of the shop, or None if the command is no request."""
        match self._words(command):
            case ["export", assignment]:
                name, value = assignment.split("=", 1)
                self._exported[name] = self._given.get(name) or self._found(value)
            case ["script/soko", *arguments]:
                done = run_command(self._service.app, *arguments)
                assert done.exit_code == 0, done.output
                self._printed = done.output
            case ["curl", *arguments]:
                return self._curl(arguments)
            case words:
                pytest.fail(f"the page has a command that this test does not know: {words}")
        return None

    def _words(self, command: str) -> list[str]:
        """Splits a command as a shell does: text in single quotes stays as it is."""

        def value(found: re.Match[str]) -> str:
            return self._exported[found[1]].replace('"', r"\"") if found[1] else found[0]

        # shlex keeps the line end after a backslash, and a shell removes it
        return shlex.split(re.sub(r"'[^']*'|\$(\w+)", value, command.replace("\\\n", "")))

    def _found(self, value: str) -> str:
        if "…" not in value:
            return value
        found = re.search(rf"(?<!\w){pattern(value)}", self._printed)
        assert found, f"{value} is not in {self._printed}"
        return found[0]

    def _curl(self, arguments: list[str]) -> Answer:
        options = curl_options(arguments)
        headers = dict(header.split(": ", 1) for header in options.headers)
        if options.json:
            headers["Content-Type"] = headers["Accept"] = "application/json"
        answer = ask(options.method or ("POST" if options.json else "GET"), options.url, options.json, headers)
        self._printed = answer.head + answer.body if options.shows_head else answer.body
        return answer


def curl_options(arguments: list[str]) -> Namespace:
    options, unknown = CURL.parse_known_args(arguments)
    assert not unknown, f"the page has options of curl that this test does not know: {unknown}"
    return options


def ask(method: str, url: str, body: str | None, headers: dict[str, str]) -> Answer:
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc)) as connection:
        connection.request(method, f"{address.path}?{address.query}", body, headers)
        response = connection.getresponse()
        head = "".join(f"{name}: {value}\n" for name, value in response.getheaders())
        return Answer(response.status, head, response.read().decode())


def examples() -> list[Example]:
    """The commands in their order; the continuation lines of a command are indented."""
    found: list[Example] = []
    for language, text in BLOCKS:
        if language == "sh":
            found += map(promised, re.split(r"\n(?=\S)", text.strip()))
        elif language != "python":
            found[-1].shown[language] = text
    return found


def promised(line: str) -> Example:
    command, mark, status = line.rpartition(" # ")
    return Example(command, int(status)) if mark else Example(line, None)


def pattern(shown: str) -> str:
    """A pattern for this text, in which `…` matches any word."""
    return re.escape(shown).replace("…", r'[^\s",]+')


def differences(shown: Any, answered: Any, place: str = "#") -> Iterator[str]:
    """The differences between an answer and what the page shows; the answer may have more fields."""
    match shown, answered:
        case dict(), dict():
            yield from (f"{place}/{name} is not answered" for name in shown.keys() - answered.keys())
            for name in shown.keys() & answered.keys():
                yield from differences(shown[name], answered[name], f"{place}/{name}")
        case ["…"], list():
            pass
        case list(), list() if len(shown) == len(answered):
            for number, pair in enumerate(zip(shown, answered, strict=True)):
                yield from differences(*pair, f"{place}/{number}")
        case str(), str() if re.fullmatch(pattern(shown), answered):
            pass
        case _ if shown != answered:
            yield f"{place} is shown as {shown!r} and answered as {answered!r}"


EXAMPLES = examples()
REQUESTS = [example for example in EXAMPLES if example.command.startswith("curl ")]


@dataclass(frozen=True, slots=True)
class PageResults:
    """The results of the page: the answer to each request, and the receiver of the pushed events."""

    answers: dict[Example, Answer]
    receiver: Receiver

    @property
    def secret(self) -> str:
        """The secret that signs the pushed events."""
        (found,) = re.findall(r"whsec_[^\"]+", "".join(answer.body for answer in self.answers.values()))
        return str(found)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageResults]:
    """The page, run to its end in a shop with the demo data."""
    with (
        serving(tmp_path_factory.mktemp("shop"), with_demo=True) as service,
        running_app(service.app) as url,
        receiving() as receiver,
    ):
        reader = Reader(service, {"SOKO": url, "OPERATOR_KEY": OPERATOR_KEY, "HOOK": receiver.url})
        answers = {example: reader.run(example.command) for example in EXAMPLES}
        service.work()
        yield PageResults({example: answer for example, answer in answers.items() if answer}, receiver)


def label(example: Example) -> str:
    return example.command.partition(" -H")[0].removeprefix("curl ")


@pytest.mark.parametrize("example", REQUESTS, ids=label)
def test_a_request_is_answered_as_the_page_says(results: PageResults, example: Example) -> None:
    answer = results.answers[example]

    assert answer.status == example.promised, answer.body
    if "json" in example.shown:
        shown = json.loads(example.shown["json"].replace("[…]", '["…"]'))
        assert list(differences(shown, json.loads(answer.body))) == []
    for line in example.shown.get("http", "").splitlines():
        assert re.search(rf"^{pattern(line)}$", answer.head, re.MULTILINE), answer.head


def test_every_request_and_every_answer_on_the_page_is_checked() -> None:
    assert len(REQUESTS) == len(re.findall(r"^ *curl ", PAGE, re.MULTILINE))
    assert {language for example in REQUESTS for language in example.shown} == {"json", "http"}
    assert [example.command for example in EXAMPLES if example.shown and example not in REQUESTS] == []


def test_an_unknown_option_of_curl_is_named() -> None:
    with pytest.raises(AssertionError, match="--insecure"):
        curl_options(["--insecure", "http://127.0.0.1"])


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_receiver_of_the_page_accepts_a_pushed_event_and_rejects_a_changed_one(
    results: PageResults, receiver: str
) -> None:
    defined: dict[str, Any] = {}
    exec(receiver, defined)
    (arrived,) = results.receiver.arrived
    body = arrived.body.encode()

    assert defined["verified"](results.secret, arrived.headers, body) == json.loads(body)
    with pytest.raises((ValueError, WebhookVerificationError)):
        defined["verified"](results.secret, arrived.headers, body + b" ")


@pytest.mark.parametrize(
    ("chapter", "known"),
    [
        ("Keys", {"none", *get_args(Scope)}),
        ("Finding products", ProductQuery.model_fields.keys() - PageQuery.model_fields.keys()),
        ("Texts", set(get_args(messages.MessageStatus))),
    ],
)
def test_a_table_of_the_page_lists_all_values(chapter: str, known: set[str]) -> None:
    (text,) = re.findall(rf"^## {chapter}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    _heading, *rows = re.findall(r"^\| `?(\w+)`? \|", text, re.MULTILINE)

    assert set(rows) == known


@pytest.mark.parametrize(
    ("shown", "answered"),
    [
        ({"id": "prd_…"}, {"id": "ord_1"}),
        ({"id": "prd_…"}, {}),
        ({"data": [{"quantity": 6}]}, {"data": [{"quantity": 5}]}),
        ({"data": [{}]}, {"data": []}),
        ({"data": ["…"]}, {"data": None}),
        ({"has_more": False}, {"has_more": "false"}),
    ],
)
def test_an_answer_that_differs_from_the_page_is_found(shown: Any, answered: Any) -> None:
    assert len(list(differences(shown, answered))) == 1

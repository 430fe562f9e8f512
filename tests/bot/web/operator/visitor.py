"""Somebody with a browser in the console: a client that sends its cookies and the tokens of forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import ClassVar

from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.test import TestResponse

from bot.web.late_console import LateConsole
from bot.web.operator.access import COOKIE
from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.statuses import OperatorRole
from tests.actors import TESTER
from tests.service import Service


class SharedTemplates(BytecodeCache):
    """The compiled templates of all consoles of this process: to compile them takes longer than most tests."""

    compiled: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self.compiled.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()


def console_of(service: Service) -> Flask:
    """The console's application."""
    late = service.app.extensions["console"]
    assert isinstance(late, LateConsole)
    assert isinstance(late.app, Flask)
    late.app.jinja_env.bytecode_cache = SharedTemplates()
    return late.app


@dataclass
class Visitor:
    """A browser. `page` is the last page that it got."""

    client: FlaskClient
    page: TestResponse | None = None

    def get(self, path: str) -> TestResponse:
        self.page = self.client.get(path)
        return self.page

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token of a page that has one."""
        self.page = self.client.post(path, data={"csrf_token": self.token(), **fields})
        return self.page

    def token(self) -> str:
        found = re.search(
            r'name="csrf_token" value="([^"]+)"', self.client.get("/operator/", follow_redirects=True).text
        )
        assert found
        return found[1]

    def submit(self, legend: str, **typed: str) -> TestResponse:
        """Send the form of the last page whose action ends with `legend`, with what the form carries."""
        assert self.page
        for action, form in re.findall(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', self.page.text, re.DOTALL):
            if action.endswith(legend):
                pattern = r'<input type="hidden" name="(\w+)" value="([^"]*)"'
                fields = {name: unescape(value) for name, value in re.findall(pattern, form)}
                self.page = self.client.post(action, data=fields | typed)
                return self.page
        raise AssertionError(f"no form leads to {legend}")


def stranger(service: Service) -> Visitor:
    console_of(service)
    return Visitor(service.app.test_client())


def invited(service: Service, name: str = "Grace", role: OperatorRole = "all") -> str:
    """The path of the link for the first log-in of a new operator."""
    with service.services.database.writing.begin() as session:
        return f"/operator/invitation/{operators.invite(service.services.shop(session, TESTER), name, role)}"


def logged_in(service: Service, role: OperatorRole = "all", name: str = "Grace") -> Visitor:
    """An operator with an open session."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, Actor("operator", name))
        token = operators.invite(shop, name, role)
        operator = operators.use_invitation(shop, token)
        assert operator
        cookie = operators.open_session(shop, operator, "test")
    visitor = stranger(service)
    visitor.client.set_cookie(COOKIE, cookie, path="/operator")
    return visitor


def title(page: TestResponse) -> str:
    found = re.search("<h1[^>]*>(.+?)</h1>", page.text, re.DOTALL)
    assert found, page.text
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def words(page: TestResponse) -> str:
    """What the page says, without tags, with single spaces."""
    main = page.text.partition("<main")[2].partition(">")[2] or page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("&#39;", "'").replace("\xa0", " ")

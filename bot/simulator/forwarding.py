"""Passes callbacks on to an application of others, whose paths are its own.

    forward = Forward("http://127.0.0.1:5000", {"africastalking/ussd": "/ussd"}, sign=None)

A request for `/webhooks/africastalking/dev/ussd` is posted to `http://127.0.0.1:5000/ussd`, whose answer is given back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from werkzeug.wrappers import Request, Response

from bot.simulator.gateway import POSTED_TO

ANSWERS_WITHIN_S = 10.0
"""As long as Africa's Talking waits for the answer to a hop."""
SIGNATURE = "X-Twilio-Signature"
_OURS = re.compile(r"/webhooks/(?:(?P<secret>africastalking|daraja)/[^/]+|(?P<open>twilio|stripe))(?:/(?P<rest>.*))?")
_LEFT_OUT = ("Host", "Content-Length", "Connection")


@dataclass(frozen=True, slots=True)
class Forward:
    """A WSGI application that posts what it gets to the application at `to`, and gives back the answer.

    `paths` has the other application's path by the name of a callback, such as `africastalking/sms`. A callback of ours
    without a path is not posted; every other path stays as it is. `sign` gives the signature of Twilio for a path and
    the fields of a form.
    """

    to: str
    paths: Mapping[str, str]
    sign: Callable[[str, Mapping[str, str]], str]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> WSGIApplication:
        name = callback(request.path)
        path = self.paths.get(name, "") if name else request.full_path.removesuffix("?")
        if not path:
            return Response(f"The application has no path for {name}, so this was not posted.", 404)
        headers = {key: value for key, value in request.headers.items() if key not in _LEFT_OUT}
        body = request.get_data()
        if name and SIGNATURE in headers:
            headers[SIGNATURE] = self.sign(path, request.form)
        try:
            answer = self._post(path, body, headers)
        except requests.RequestException as error:
            words = f"The application at {self.to} does not answer: {type(error).__name__}"
            return Response(words, 504, {POSTED_TO: path})
        kept = {"Content-Type": answer.headers.get("Content-Type", ""), POSTED_TO: path}
        if metadata := answer.headers.get("at-ussd-hop-metadata"):
            kept["at-ussd-hop-metadata"] = metadata
        return Response(answer.content, answer.status_code, kept)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment would look for the application on its own machine
            url, limit_s = self.to + path, ANSWERS_WITHIN_S
            return session.post(url, data=body, headers=headers, timeout=limit_s, allow_redirects=False)


def callback(path: str) -> str | None:
    """The name of a callback of ours: `africastalking/ussd`, `stripe`; None for any other path."""
    found = _OURS.fullmatch(path)
    if found is None:
        return None
    return "/".join(filter(None, [found["secret"] or found["open"], found["rest"]]))

"""Requests of the real SDKs, answered by our own application without a socket."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from wsgiref.types import WSGIApplication

import requests
from requests.adapters import BaseAdapter
from werkzeug.test import Client

from bot.simulator.gateway import IN_PROCESS, LOST_ANSWER, ORIGIN


def session_without_socket(app: WSGIApplication) -> requests.Session:
    """A session whose requests to `ORIGIN` are answered by `app`."""
    session = requests.Session()
    session.mount(ORIGIN, WsgiAdapter(app))
    return session


class WsgiAdapter(BaseAdapter):
    """A `requests` transport that calls a WSGI application instead of opening a socket.

    It raises ReadTimeout for an answer that is lost.
    """

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__()
        self._client = Client(app, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        answer = self._client.open(
            request.path_url,
            method=request.method,
            data=request.body,
            headers=list(request.headers.items()),
            environ_overrides={IN_PROCESS: True},
        )
        if LOST_ANSWER in answer.headers:
            raise requests.exceptions.ReadTimeout("the simulated provider does not answer", request=request)
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.raw = BytesIO(answer.get_data())
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Do nothing: there is no connection to close."""

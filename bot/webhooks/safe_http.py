"""Sends a POST to a URL that a client has chosen, and never to an address in our own network.

The name is resolved once, its addresses are checked, and the connection goes to a checked address, because a second
look-up could give another one. No proxy is used, no redirect is followed, and the body of the answer is not read.

    answer = Poster(anywhere=False).post("https://shop.example/soko", body, headers)
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from threading import Event, Timer
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import certifi

from marketplace_api.events import webhook_addresses

CONNECT_S = 5.0
ANSWER_S = 15.0
"""Seconds from the connection to the last header of the answer."""

Resolve = Callable[[str, int], Sequence[str]]
PostFailure = Literal["not_public", "unreachable", "insecure", "timeout", "no_answer"]


class PostError(Exception):
    """There is no answer; `reason` is the cause."""

    def __init__(self, reason: PostFailure) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PostResult:
    """The status of an answer and its `Retry-After` header."""

    status: int
    retry_after: str | None


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives, the preferred one first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _public_authorities() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())  # a minimal system has no certificates of its own


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts to public addresses only, unless `anywhere` is set."""

    anywhere: bool
    resolve: Resolve = system_resolver
    tls: ssl.SSLContext = field(default_factory=_public_authorities)
    answer_s: float = ANSWER_S

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostResult:
        """The answer, whatever its status; raises PostError if there is none."""
        parts = urlsplit(url)
        with self._connected(parts) as sock, _deadline(sock, self.answer_s) as is_late:
            try:
                with self._secured(parts, sock) as secured:
                    return _exchange(parts, secured, body, headers)
            except ssl.SSLCertVerificationError as error:
                raise PostError("insecure") from error
            except (OSError, HTTPException, ValueError) as error:  # ValueError for a name that TLS cannot send
                late = is_late() or isinstance(error, TimeoutError)
                raise PostError("timeout" if late else "no_answer") from error

    def _connected(self, parts: SplitResult) -> socket.socket:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        refusal: OSError | None = None
        for address in self._addresses(parts.hostname or "", port):
            try:
                return socket.create_connection((address, port), CONNECT_S)
            except OSError as error:
                refusal = error
        raise PostError("unreachable") from refusal

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self.resolve(host, port)
        except (OSError, ValueError) as error:  # ValueError for a name that cannot be resolved at all
            raise PostError("unreachable") from error
        # one private address among public ones is suspicious
        if not self.anywhere and not all(webhook_addresses.is_public(ip_address(address)) for address in found):
            raise PostError("not_public")
        return found

    def _secured(self, parts: SplitResult, sock: socket.socket) -> socket.socket:
        sock.settimeout(self.answer_s)
        return self.tls.wrap_socket(sock, server_hostname=parts.hostname) if parts.scheme == "https" else sock


@contextmanager
def _deadline(sock: socket.socket, seconds: float) -> Iterator[Callable[[], bool]]:
    """Shut `sock` down after `seconds` in total; a socket's own timeout starts again with every byte.

    Yields a function that returns True if this has happened.
    """
    late = Event()

    def end() -> None:
        late.set()
        with suppress(OSError):  # the connection may have ended just before
            duplicate.shutdown(socket.SHUT_RDWR)

    with sock.dup() as duplicate:  # because wrapping in TLS detaches the original
        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late.is_set
        finally:
            timer.cancel()


def _exchange(parts: SplitResult, sock: socket.socket, body: bytes, headers: Mapping[str, str]) -> PostResult:
    connection = HTTPConnection(parts.netloc)
    connection.sock = sock
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", target, body, dict(headers))
    with connection.getresponse() as response:
        return PostResult(response.status, response.getheader("Retry-After"))

"""Stands in for Africa's Talking in a benchmark: serves TLS and accepts every text, each after the same delay.

python -m tests.bench.tls_provider PORT CERTIFICATE KEY SECONDS
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from itertools import count
from urllib.parse import parse_qs

_numbers = count()


class TlsProviderProtocol(asyncio.Protocol):
    """One connection. A request's body arrives with its head or later; the next request begins after the answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._received = seconds, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, is_complete, body = self._received.partition(b"\r\n\r\n")
        if is_complete and len(body) >= _length(head):
            self._received = b""
            asyncio.get_running_loop().call_later(self._seconds, self._answer, parse_qs(body.decode()))

    def _answer(self, form: dict[str, list[str]]) -> None:
        if not self._transport.is_closing():
            self._transport.write(_answered(form["to"][0].split(",")))  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length: ")
    return int(after.partition(b"\r\n")[0])


def _answered(numbers: list[str]) -> bytes:
    accepted = ",".join(
        f'{{"statusCode":101,"number":"{number}","status":"Success","cost":"KES 0.8000","messageId":"ATXid_{n}"}}'
        for number, n in zip(numbers, _numbers, strict=False)
    )
    body = f'{{"SMSMessageData":{{"Message":"Sent","Recipients":[{accepted}]}}}}'
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def serve(port: int, certificate: str, key: str, seconds: float) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TlsProviderProtocol(seconds), "127.0.0.1", port, ssl=context, backlog=500)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    port, certificate, key, seconds = sys.argv[1:]
    asyncio.run(serve(int(port), certificate, key, float(seconds)))

"""An application on a port of its own, for tests that come by HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.types import WSGIApplication

from werkzeug.serving import WSGIRequestHandler, make_server


class SilentHandler(WSGIRequestHandler):
    """Keeps no diary of thousands of requests."""

    def log(self, *_: object) -> None:
        pass


@contextmanager
def running_app(app: WSGIApplication) -> Iterator[str]:
    """Where it is served, for as long as the block runs."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=SilentHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A WSGI application on a port of its own, for tests over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.types import WSGIApplication

from werkzeug.serving import WSGIRequestHandler, make_server


class SilentHandler(WSGIRequestHandler):
    """Logs no requests."""

    def log(self, *_: object) -> None:
        pass


@contextmanager
def running_app(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """The URL of the running application, until the block ends; on a free port unless one is given."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=SilentHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

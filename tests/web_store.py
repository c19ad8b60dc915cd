"""A web server on this machine that lists a folder and gives its files, and can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class WebStore(ThreadingHTTPServer):
    """Serves a folder; `asked` are the paths of all files that were asked for, in turn."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.asked: list[str] = []
        #: Says whether a request for a file, or for anything if it is not told which, fails.
        self.fails: Callable[[str], bool] = lambda path: False
        #: Called with every file before it is given.
        self.before: Callable[[str], object] = lambda path: None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: WebStore

    def send_head(self):
        if self.server.fails(self.path):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return None
        place = Path(self.translate_path(self.path))
        if place.is_file() and self.command == "GET":
            self.server.asked.append(place.name)
            self.server.before(place.name)
            if self.headers["Range"] and not place.stat().st_size:  # as object stores do
                self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return None
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[WebStore]:
    with WebStore(folder) as store:
        thread = Thread(target=store.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield store
        store.shutdown()
        thread.join()

"""The origin whose pages older versions have seen; its address is in their files, and so always the same."""

from __future__ import annotations

import fcntl
import http.server
import threading
from pathlib import Path

#: Nobody else has this address of loopback.
ADDRESS = ("127.77.1.1", 18080)

#: Nobody listens here.
ADDRESS_OF_PORTS = "127.77.1.2"

PAGES = {
    "/tide": "<!doctype html><html lang=en><title>Tide</title>"
    "<p>The tide lifted the boats, and the tide fell.",
    "/zh": "<!doctype html><html lang=zh><title>潮</title><p>潮水上涨，船也升高了。",
    "/news": "<!doctype html><html lang=en><title>News</title><p id=now>Nothing is new in the harbour today.",
}

#: A file that is fetched in two parts.
FILE = bytes(range(256)) * 16_000
PART = 3_000_000


def url(path: str) -> str:
    """The address of a page."""
    return f"http://{ADDRESS[0]}:{ADDRESS[1]}{path}"


class Answer(http.server.BaseHTTPRequestHandler):
    """A page, or the file, whole or from a place on."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path == "/file":
            self._file()
        elif path in PAGES:
            self._send(200, PAGES[path].encode(), "text/html; charset=utf-8")
        else:
            self._send(404, b"no such page", "text/plain")

    def _file(self) -> None:
        first = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        whole = bool(self.server.whole)  # type: ignore[attr-defined]
        self.server.asked.append(first)  # type: ignore[attr-defined]
        if first:
            self._send(
                206, FILE[first:], "application/octet-stream", f"bytes {first}-{len(FILE) - 1}/{len(FILE)}"
            )
        else:
            self._send(200, FILE if whole else FILE[:PART], "application/octet-stream", length=len(FILE))
            self.close_connection = not whole

    def _send(self, status: int, body: bytes, kind: str, place: str = "", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", '"one"')
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of requests."""


class Quiet(http.server.ThreadingHTTPServer):
    """A server that says nothing of clients that leave."""

    def handle_error(self, request: object, client_address: object) -> None:
        """It left."""


class Origin:
    """Listens until closed.  ``whole``: the file is sent to its end; ``asked``: from which bytes on.

    There is one at a time: another process that wants one waits for it.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._turn = Path(__file__).open("rb")  # noqa: SIM115 - until `close`
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            self._server = Quiet(ADDRESS, Answer)
        except BaseException:
            self._turn.close()
            raise
        self.asked: list[int] = []
        self._server.whole, self._server.asked = whole, self.asked  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """It listens no more."""
        self._server.shutdown()
        self._server.server_close()
        fcntl.flock(self._turn, fcntl.LOCK_UN)  # also if a child of ours has it, too
        self._turn.close()

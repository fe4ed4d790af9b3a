"""Pages that are told apart by their words, an origin that keeps account of them, and who reads them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.real.exactness import Delivery, Told, body
from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, PartError, until

#: Pages that a reader reads over one connection: then it may come to another node.
OVER_ONE = 12

#: Every so many pages a reader opens a tunnel.
TUNNEL_EVERY = 25

#: Seconds that a reader waits when its connection was broken.
BROKEN_SECONDS = 0.02


class Book(Origin):
    """``/N`` is page N of `exactness`; ``sent`` has how often it was sent whole.  A tunnel echoes."""

    def __init__(self, more: str = "") -> None:
        self.sent: Counter[int] = Counter()
        self.more = more
        self._lock = threading.Lock()
        super().__init__()

    def _answer(self, client: socket.socket, number: int) -> None:  # type: ignore[override]
        page = body(number, self.more)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        with self._lock:  # before the last byte is out: whoever has it may look here
            self.sent[number] += 1
        client.sendall(head % len(page) + page)


class Readers:
    """So many readers, each page read by one of them, until told to stop; ``rate``: pages a second of all.

    ``port``: where their proxy is, asked for each connection.  What broke off is not asked for again.
    """

    def __init__(
        self,
        book: Book,
        port: Callable[[], int] | int,
        *,
        readers: int = 6,
        rate: float = 150.0,
        numbers: Iterator[int] | None = None,
        tunnels: bool = False,
    ) -> None:
        self._book = book
        self._port = (lambda: port) if isinstance(port, int) else port
        self._numbers = numbers or itertools.count()
        self._pause = readers / rate
        self._tunnels = tunnels
        self._ended = threading.Event()
        self.delivered: list[Delivery] = []
        self.broken: list[tuple[int, str, float]] = []
        self.opened: list[float] = []
        self._threads = [threading.Thread(target=self._read_on, daemon=True) for _ in range(readers)]
        for thread in self._threads:
            thread.start()

    def reached(self, pages: int) -> None:
        """So many pages were delivered."""
        until(f"{pages} pages", lambda: len(self.delivered) >= pages or not self._alive, FETCH_SECONDS)

    def more(self, pages: int) -> None:
        """So many more pages were delivered."""
        self.reached(len(self.delivered) + pages)

    def stop(self) -> None:
        """Nobody reads any more."""
        self._ended.set()
        for thread in self._threads:
            thread.join(FETCH_SECONDS)
            if thread.is_alive():
                raise PartError("a reader hangs")

    @property
    def told(self) -> Told:
        """What this load has to say; of it alone, where it had the origin for itself."""
        return Told(dict(self._book.sent), list(self.delivered), list(self.opened))

    @property
    def _alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _read_on(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(StopIteration):
                self._over_one()
                continue
            return

    def _over_one(self) -> None:
        """Read some pages over one connection."""
        link = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=FETCH_SECONDS)
        number = -1
        try:
            for _ in range(OVER_ONE):
                began = time.monotonic()
                number = next(self._numbers)
                self._read(link, number)
                if self._tunnels and number % TUNNEL_EVERY == 0:
                    self._tunnel()
                if self._ended.wait(max(0.0, self._pause - (time.monotonic() - began))):
                    return
        except (OSError, http.client.HTTPException) as error:
            self.broken.append((number, repr(error), time.monotonic()))
            self._ended.wait(BROKEN_SECONDS)
        finally:
            link.close()

    def _read(self, link: http.client.HTTPConnection, number: int) -> None:
        link.request("GET", self._book.url(number))
        answer = link.getresponse()
        page = answer.read()
        if answer.status != 200 or b"</html>" not in page[-8:]:
            raise http.client.HTTPException(answer.status, page[:200])
        node = answer.headers.get("Via", "").rpartition(" ")[2]
        self.delivered.append(Delivery(number, node, time.monotonic()))

    def _tunnel(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port()), FETCH_SECONDS) as link:
            place = f"127.0.0.1:{self._book.port}"
            link.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                data = link.recv(4096)
                if not data:
                    raise http.client.HTTPException("no tunnel")
                head += data
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise http.client.HTTPException(head[:100])
            self.opened.append(time.monotonic())
            link.sendall(b"echo")
            link.recv(4)


def read_all(book: Book, port: int, numbers: range, readers: int = 6) -> list[Delivery]:
    """These pages were read, all of them whole."""
    lots = [iter(numbers[at::readers]) for at in range(readers)]
    with ThreadPoolExecutor(readers) as pool:
        loads = list(pool.map(lambda lot: Readers(book, port, readers=1, rate=1e9, numbers=lot), lots))
    for load in loads:
        for thread in load._threads:
            thread.join(FETCH_SECONDS)
    broken = [each for load in loads for each in load.broken]
    if broken:
        raise PartError(f"broken off: {broken[:5]}")
    return [each for load in loads for each in load.delivered]

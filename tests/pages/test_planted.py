"""A fault of ours, wherever it is planted, is one 500 or one cut connection, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite.pages import answering, root, sending, table
from netsuite.pages.entry import BadTable, of_file
from tests.pages.test_site import Serving
from tests.site.wire import Client

#: Lines of which tables are made, sound ones and others.
_LINES = [
    *('"/" = "x"', '["/a"]', "['/b']", 'body = "x"', 'file = "x"', 'redirect = "/"', "delay = 1"),
    *("status = [200]", "status = 700", "headers = {}", 'body = """', '"""', "x", "[[a]]", '["/a".b]'),
]


class PlantedError(Exception):
    """What nobody expects."""


def failing(*_arguments: object, **_named: object) -> Any:
    """Fail as nobody expects."""
    raise PlantedError


class PlantedTests(Serving):
    """Exceptions in every place, in turn."""

    def setUp(self) -> None:
        self.patch(table, "MEMORY_EACH", 10)
        path = Path(self.mktemp()).absolute()
        path.write_bytes(os.urandom(500_000))
        self.table(f'"/" = "x"\n["/late"]\nbody = "x"\ndelay = 1\n["/long"]\nfile = "{path}"\n')

    def test_everywhere(self) -> None:
        """A request ends with 500, or cut where its answer has begun; the next one is answered."""
        places: tuple[tuple[str, Any, str], ...] = (
            ("/", root.Root, "_page"),
            ("/", answering, "answered"),
            ("/", answering.Reply, "head"),
            ("/late", root.Root, "_answer"),
            ("/late", root.Root, "_send"),
            ("/none", table.Missing, "told"),
            ("/long", table.OpenFile, "facts"),
            ("/long", sending.Sending, "_send"),
            ("/long", sending.Sending, "start"),
        )
        for path, owner, name in places:
            with self.subTest(place=name, path=path):
                self._plant(path, owner, name)

    def _plant(self, path: str, owner: Any, name: str) -> None:
        was: Callable[..., Any] = getattr(owner, name)
        self.root.show(self.root.table)
        setattr(owner, name, failing if name != "head" else property(failing))
        client = Client(self.site)
        try:
            client.protocol.dataReceived(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            for _ in range(5):
                self.clock.advance(0.5)
        finally:
            setattr(owner, name, was)
        told = client.transport.value()
        self.assertTrue(told.startswith(b"HTTP/1.1 500 ") or client.transport.disconnected, told[:100])
        self.assertEqual(len(self.flushLoggedErrors(PlantedError)), 1)
        self.assertEqual(self.ask("/").body, b"x")


class AnythingTests(Serving):
    """Whatever is sent and told."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(
                [
                    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"),
                    *("range", "if-range", "accept-encoding"),
                ]
            ),
            st.text(st.characters(max_codepoint=255), max_size=30)
            | st.sampled_from(
                ['"x"', "*", "bytes=0-", "bytes=-1", "gzip;q=x", "Sun, 06 Nov 1994 08:49:37 GMT"]
            ),
        ),
        st.sampled_from(["GET", "HEAD"]),
    )
    def test_fields(self, fields: dict[str, str], method: str) -> None:
        """No field brings about anything but an answer whose length is right."""
        if not hasattr(self, "site"):
            self.serve("-s", "/=" + "hello " * 300)
        page = self.root.table.pages[b"/"]
        reply = answering.answered(page, 200, method, fields)
        self.assertIn(reply.status, (200, 206, 304, 412, 416))
        if reply.length is not None:
            assert isinstance(reply.body, bytes)
            self.assertEqual(reply.length, len(reply.body))
        self.assertNotIn(b"\n\r\n", reply.head)

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=60) | st.lists(st.sampled_from(_LINES), max_size=8).map("\n".join))
    def test_tables(self, text: str) -> None:
        """No text makes a table do anything but hold, or be refused in words that name the file."""
        path = Path(self.mktemp())
        path.write_text(text, errors="replace")
        try:
            of_file(str(path))
        except BadTable as bad:
            self.assertTrue(str(bad).startswith(str(path)), str(bad))

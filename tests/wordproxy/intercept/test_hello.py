"""The reading of a ClientHello: real ones, cut ones, hostile ones."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.intercept.hello import HELLO_MAX, Hello, NoHello, read
from tests.wordproxy.intercept.hellos import fragmented, hello, with_extension


class ReadTests(SynchronousTestCase):
    """What `read` finds."""

    def test_name(self) -> None:
        """The host that a client asks for is found, in lower case, with or without other extensions."""
        self.assertEqual(read(hello("News.Example")), Hello(b"news.example"))
        self.assertEqual(read(hello("a.example", protocols=(b"h2", b"http/1.1"))), Hello(b"a.example"))

    def test_no_name(self) -> None:
        """A client that names no host is understood, too."""
        self.assertEqual(read(hello(None)), Hello(None))

    def test_encrypted_hello(self) -> None:
        """With ECH (RFC 9849) it is the outer name that counts: what is meant inside stays unseen."""
        data = with_extension(hello("outer.example"), 0xFE0D, b"\x00\x00\x01\x00\x01\x2a\x00\x20" + bytes(32))
        self.assertEqual(read(data), Hello(b"outer.example"))

    def test_more_follows(self) -> None:
        """Bytes after the ClientHello, as of early data, change nothing."""
        self.assertEqual(read(hello("a.example") + b"\x17\x03\x03\x00\x02xx"), Hello(b"a.example"))

    def test_cut_at_every_byte(self) -> None:
        """Until it is whole more is asked for."""
        data = hello("a.example")
        for end in range(len(data)):
            self.assertIsNone(read(data[:end]))

    def test_fragments(self) -> None:
        """A message in many records is read as in one, cut at every byte too."""
        data = hello("a.example")
        for size in (1, 3, 100):
            pieces = fragmented(data, size)
            self.assertEqual(read(pieces), Hello(b"a.example"))
            for end in range(0, len(pieces), 7):
                self.assertIsNone(read(pieces[:end]))

    def test_no_tls(self) -> None:
        """What begins otherwise is known at its first bytes."""
        for data in (
            b"GET / HTTP/1.1\r\n",
            b"\x15\x03\x01\x00\x02",
            b"\x16\x02",
            b"SSH-2.0-x",
            b"\x80\x2e\x01",
        ):
            with self.assertRaises(NoHello):
                read(data)

    def test_another_message(self) -> None:
        """A handshake that begins with another message is none."""
        with self.assertRaises(NoHello):
            read(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00")

    def test_too_large(self) -> None:
        """A message or record past the bound is refused as soon as its length is read."""
        for head in (
            b"\x16\x03\x01\x40\x01",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\x00\x05\x01\x01\x00\x00x",
        ):
            with self.assertRaises(NoHello):
                read(head)
        many = b"".join(b"\x16\x03\x01\x20\x00" + b"\x01\x00\x3f\xff".ljust(0x2000, b"x") for _ in range(3))
        self.assertGreater(len(many), HELLO_MAX)
        with self.assertRaises(NoHello):
            read(many)

    def test_lying_lengths(self) -> None:
        """A length inside that goes past its field's end is no ClientHello, wherever it is."""
        data = hello("a.example")
        at = data.index(b"a.example")
        for place in (at - 2, at - 5, at - 7):
            lie = bytearray(data)
            lie[place : place + 2] = b"\xff\xff"
            with self.assertRaises(NoHello):
                read(bytes(lie))

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=400), st.integers(0, 300))
    def test_anything(self, noise: bytes, at: int) -> None:
        """Of any bytes, also in the midst of a real one, there is an answer and no other exception."""
        data = hello("a.example")
        for sample in (noise, b"\x16\x03\x01" + noise, data[:at] + noise + data[at + len(noise) :]):
            try:
                found = read(sample)
            except NoHello:
                continue
            self.assertIsInstance(found, (Hello, type(None)))

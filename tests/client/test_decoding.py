"""Content codings undone piece by piece, however the pieces are cut, and never past a bound."""

from __future__ import annotations

import gzip
import sys
import zlib

import brotli
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.decoding import Decoder, names
from netsuite.outcome import Failed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"the sea waits for the tide, " * 400


def raw(data: bytes) -> bytes:
    """deflate without zlib's frame."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT[:99]) + zstd.compress(TEXT[99:]),
}


def undone(codings: list[str], pieces: list[bytes], ratio: int = 200) -> bytes:
    """What pieces decode to."""
    decoder = Decoder(codings, ratio=ratio)
    made = [each for piece in pieces for each in decoder.feed(piece)]
    decoder.end()
    return b"".join(made)


class CutTests(SynchronousTestCase):
    """Whole bodies."""

    def test_any_cut(self) -> None:
        """However a body is cut it decodes to the same, and its end is known."""
        for coding, body in [*CODED.items(), ("deflate", raw(TEXT))]:
            for cut in (*range(12), len(body) // 2, len(body) - 1):
                self.assertEqual(undone([coding], [body[:cut], body[cut:]]), TEXT, (coding, cut))
            self.assertEqual(undone([coding], [bytes([byte]) for byte in body]), TEXT, coding)

    @given(
        st.lists(st.binary(max_size=3000), max_size=4), st.lists(st.sampled_from(sorted(CODED)), max_size=3)
    )
    @settings(deadline=None, max_examples=60)
    def test_stacked(self, pieces: list[bytes], codings: list[str]) -> None:
        """Codings on one another are undone, the last first."""
        body = b"".join(pieces)
        for coding in codings:
            pack = {"br": brotli.compress, "zstd": zstd.compress, "deflate": zlib.compress}.get(
                coding, gzip.compress
            )
            body = pack(body)
        self.assertEqual(undone(codings, [body[:7], body[7:]]), b"".join(pieces))

    def test_nothing(self) -> None:
        """No bytes are an empty body in any coding."""
        for coding in CODED:
            self.assertEqual(undone([coding], []), b"")

    def test_after_the_end(self) -> None:
        """What follows the end is ignored."""
        for coding, body in CODED.items():
            self.assertEqual(undone([coding], [body, b"\x00\x00\x00\x00more", b"x"]), TEXT)

    def test_names(self) -> None:
        """The field's list, without identity."""
        self.assertEqual(names(b" GZip ,, identity, br"), ["gzip", "br"])


class BrokenTests(SynchronousTestCase):
    """Bodies that are none."""

    def fails(self, codings: list[str], pieces: list[bytes], cause: str) -> None:
        """Decoding fails with a cause."""
        with self.assertRaises(Failed) as caught:
            undone(codings, pieces)
        self.assertEqual(caught.exception.cause, cause)

    def test_cut_short(self) -> None:
        """A body that ends before its coding is cut short, wherever."""
        for coding, body in CODED.items():
            for cut in (1, 5, len(body) // 2, len(body) - 1):
                self.fails([coding], [body[:cut]], "lost")

    def test_damaged(self) -> None:
        """Noise is damaged, in any coding."""
        for coding in CODED:
            self.fails([coding], [b"\xffnoise" * 9], "lost")

    def test_unknown(self) -> None:
        """A coding that we do not know, or too many of them, can't be undone."""
        self.fails(["compress"], [b"x"], "unknown")
        self.fails(["gzip"] * 5, [b"x"], "unknown")

    def test_bombs(self) -> None:
        """What grows past its bound is left before it is made; so are endless empty members."""
        big = bytes(8 << 20)
        for coding, bomb in (
            ("gzip", gzip.compress(big)),
            ("deflate", zlib.compress(big)),
            ("br", brotli.compress(big)),
            ("zstd", zstd.compress(big)),
        ):
            made = 0
            with self.assertRaises(Failed) as caught:
                for piece in Decoder([coding]).feed(bomb):
                    made += len(piece)
                    self.assertLessEqual(len(piece), 1 << 18)  # brotli's bound is a soft one
            self.assertEqual(caught.exception.cause, "limit")
            self.assertLess(made, (1 << 20) + (200 * len(bomb)) + 1)
        self.fails(["gzip"], [gzip.compress(b"")] * 5000, "limit")
        self.fails(["zstd"], [zstd.compress(b"")] * 5000, "limit")
        self.assertEqual(len(undone(["gzip"], [gzip.compress(bytes(1 << 20))])), 1 << 20)

"""Content codings undone, each bound met before memory is, each damage told apart from a short page."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable
from unittest import mock

import brotli
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import coding
from netsuite.words.skipped import Reason, Skip
from tests.real.parts import require

MIB = 1024 * 1024
PAGE = "<p>Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n".encode() * 40


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def decode(pieces: list[bytes], field: str, max_bytes: int = 8 * MIB, max_ratio: int = 200) -> bytes:
    return coding.decode(pieces, field, max_bytes=max_bytes, max_ratio=max_ratio)


class DecodeTests(SynchronousTestCase):
    """As it is installed: with ISA-L, where that is."""

    bombs = PACKERS

    def refused(self, reason: Reason, pieces: list[bytes], field: str, **bounds: int) -> None:
        skip = self.assertRaises(Skip, decode, pieces, field, **bounds)
        self.assertEqual(skip.reason, reason)

    def test_each_coding(self) -> None:
        """Each coding gives back the page, its name in any case and with white space around."""
        for name, pack in PACKERS.items():
            for field in (name, name.upper(), f" {name}\t", f"identity, {name},"):
                self.assertEqual(decode([pack(PAGE)], field), PAGE, field)

    def test_no_coding(self) -> None:
        """Without codings, or with identity only, the pieces are joined as they are."""
        for field in ("", "identity", " , identity,,"):
            self.assertEqual(decode([PAGE[:7], b"", PAGE[7:]], field), PAGE)

    def test_any_cut(self) -> None:
        """However the coded bytes are cut, the page is the same."""
        page = PAGE[:200]
        for name, pack in PACKERS.items():
            packed = pack(page)
            for cut in range(len(packed) + 1):
                self.assertEqual(decode([packed[:cut], packed[cut:]], name), page, (name, cut))
            self.assertEqual(decode([packed[at : at + 1] for at in range(len(packed))], name), page)

    def test_any_end(self) -> None:
        """A coded page that ends at any byte before its end is unreadable, never a shorter page."""
        page = PAGE[:200]
        for name, pack in [*PACKERS.items(), ("deflate", raw_deflate)]:
            packed = pack(page)
            for end in range(1, len(packed)):
                self.refused(Reason.UNREADABLE, [packed[:end]], name)

    def test_empty_body(self) -> None:
        """No bytes at all are an empty page in any coding."""
        for name in PACKERS:
            self.assertEqual(decode([], name), b"")
            self.assertEqual(decode([b"", b""], name), b"")

    def test_bare_deflate(self) -> None:
        """A deflate stream without zlib's header is read too, whatever its first bytes look like."""
        dice = random.Random(5)
        for _ in range(300):  # some of these begin as a zlib stream would
            page = dice.randbytes(dice.randrange(1, 60))
            self.assertEqual(decode([raw_deflate(page)], "deflate"), page)
        stored = b"\x78\x01" + b"a" * 0x6161  # a stored block's bytes that are a valid zlib header
        self.refused(Reason.UNREADABLE, [stored], "deflate")

    def test_stacked(self) -> None:
        """Codings are undone in reverse order, two to four of them."""
        for first, pack_first in PACKERS.items():
            for last, pack_last in PACKERS.items():
                packed = pack_last(pack_first(PAGE))
                self.assertEqual(decode([packed], f"{first}, {last}"), PAGE)
        packed = PAGE
        for name in ("gzip", "br", "zstd", "deflate"):
            packed = PACKERS[name](packed)
        self.assertEqual(decode([packed], "gzip, br, zstd, deflate"), PAGE)

    def test_unknown_or_too_many(self) -> None:
        """An unknown coding, or more than four, is said to be unknown, whatever the body is."""
        for field in (
            "compress",
            "gzip, sdch",
            "dcb",
            "gzip;q=1",
            "gzip gzip",
            "ünknown",
            ",".join(["gzip"] * 5),
        ):
            for body in (b"", PAGE):
                self.refused(Reason.UNKNOWN_CODING, [body], field)

    def test_damage(self) -> None:
        """Bytes that are not in the coding, or fail its checksum, are unreadable."""
        for name in PACKERS:
            self.refused(Reason.UNREADABLE, [PAGE], name)
        packed = bytearray(gzip.compress(PAGE))
        packed[-6] ^= 1
        self.refused(Reason.UNREADABLE, [bytes(packed)], "gzip")

    def test_members_and_frames(self) -> None:
        """A gzip of many members and a zstd of many frames, skippable ones too, are one page."""
        parts = [PAGE[at : at + 100] for at in range(0, len(PAGE), 100)]
        self.assertEqual(decode([b"".join(map(gzip.compress, parts))], "gzip"), PAGE)
        skippable = b"\x5e\x2a\x4d\x18\x03\x00\x00\x00abc"
        packed = skippable.join(map(zstd.compress, parts))
        self.assertEqual(decode([packed], "zstd"), PAGE)
        self.assertEqual(decode([skippable + packed], "zstd"), PAGE)

    def test_too_many_members(self) -> None:
        """A body of nothing but empty members ends at a bound."""
        for name in ("gzip", "zstd"):
            self.refused(Reason.TOO_LARGE, [PACKERS[name](b"") * (coding.MEMBERS_MAX + 1)], name)

    def test_what_follows_the_end(self) -> None:
        """Padding after the end of gzip, deflate and zstd is ignored, as browsers do."""
        for name in ("gzip", "deflate", "zstd"):
            for padding in (b"\0" * 512, b"\x1f", b"junk" * 40_000):
                self.assertEqual(decode([PACKERS[name](PAGE) + padding], name), PAGE, name)

    def test_bound_of_bytes(self) -> None:
        """A page of just the bound is read, one byte more is too large, coded or not."""
        page = random.Random(1).randbytes(300_000)
        for name, pack in [("", bytes), *PACKERS.items()]:
            self.assertEqual(len(decode([pack(page)], name, max_bytes=len(page))), len(page))
            self.refused(Reason.TOO_LARGE, [pack(page)], name, max_bytes=len(page) - 1)

    def test_ratio(self) -> None:
        """A short page of repeats passes at any ratio; past 1 MiB decoded, 200 to 1 is the bound."""
        for name, pack in PACKERS.items():
            self.assertEqual(len(decode([pack(b"a" * MIB)], name)), MIB, name)
            self.refused(Reason.TOO_LARGE, [pack(b"a" * (MIB + 1))], name)
            self.refused(Reason.TOO_LARGE, [pack(b"a" * 4 * MIB)], name)
            self.assertEqual(len(decode([pack(b"a" * 4 * MIB)], name, max_ratio=10**7)), 4 * MIB)

    def test_bombs(self) -> None:
        """A bomb, also one inside another, costs no more memory than the bound allows."""
        zeros = bytes(64 * MIB)
        for name, pack in self.bombs.items():
            packed = pack(zeros)
            for field, body in ((name, packed), (f"{name}, gzip", gzip.compress(packed + bytes(8 * MIB)))):
                tracemalloc.start()
                self.refused(Reason.TOO_LARGE, [body], field)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                self.assertLess(peak, 20 * MIB, field)

    def test_zstd_window(self) -> None:
        """A zstd frame that asks for a window of over 8 MiB is refused before it is given one."""
        magic = b"\x28\xb5\x2f\xfd"
        block = b"\x09\x00\x00a"  # the last block, raw, one byte
        self.assertEqual(decode([magic + b"\x00" + bytes([13 << 3]) + block], "zstd"), b"a")
        self.refused(Reason.UNREADABLE, [magic + b"\x00" + bytes([14 << 3]) + block], "zstd")

    @settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.binary(max_size=300), st.sampled_from(sorted(PACKERS)), st.booleans(), st.randoms())
    def test_any_bytes(self, junk: bytes, name: str, damaged: bool, dice: random.Random) -> None:
        """Any bytes are decoded or skipped with a reason, never another error."""
        body = junk
        if damaged:
            broken = bytearray(PACKERS[name](PAGE))
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
            body = bytes(broken)
        try:
            decode([body], name)
        except Skip as skip:
            self.assertIn(skip.reason, (Reason.UNREADABLE, Reason.TOO_LARGE))


class PlainTests(DecodeTests):
    """The same without ISA-L."""

    bombs = {"gzip": gzip.compress}

    def setUp(self) -> None:
        super().setUp()
        self.patch(coding, "isal_zlib", None)


class FastTests(SynchronousTestCase):
    """Both ways have one outcome, whatever the body."""

    def setUp(self) -> None:
        super().setUp()
        require("isal", coding.isal_zlib)

    def outcome(self, body: bytes, bound: int) -> bytes | Reason:
        """The page, or why there is none."""
        try:
            return decode([body], "gzip", max_bytes=bound)
        except Skip as skip:
            return skip.reason

    def check(self, body: bytes, bound: int = MIB) -> None:
        """The outcome is the same without ISA-L."""
        found = self.outcome(body, bound)
        with mock.patch.object(coding, "isal_zlib", None):
            self.assertEqual(found, self.outcome(body, bound))

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(st.binary(max_size=200), min_size=1, max_size=3),
        st.integers(0, 9),
        st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3),
        st.binary(max_size=20),
        st.integers(0, 400),
    )
    def test_same(
        self, parts: list[bytes], level: int, wrong: list[tuple[int, int]], after: bytes, bound: int
    ) -> None:
        """Members, damage anywhere, what follows the end, and bounds."""
        body = bytearray(b"".join(gzip.compress(part * 3, level, mtime=0) for part in parts) + after)
        for at, value in wrong:
            body[at % len(body)] = value
        for end in (len(body), len(body) // 2):
            self.check(bytes(body[:end]))
            self.check(bytes(body[:end]), bound)

    def test_each_head(self) -> None:
        """Each value of each byte of a head, with and without what its flags promise."""
        packed = gzip.compress(PAGE[:100], mtime=0)
        for at in range(10):
            for value in range(256):
                head = packed[:at] + bytes([value]) + packed[at + 1 : 10]
                for promised in (
                    b"",
                    b"\x02\0ab",
                    b"name\0",
                    b"\x02\0abname\0said\0",
                    zlib.crc32(head).to_bytes(4, "little")[:2],
                ):
                    self.check(head + promised + packed[10:])

    def test_it_is_used(self) -> None:
        """A page of one member isn't given to zlib."""
        self.patch(coding, "_inflate", lambda *told: self.fail("zlib was asked"))
        self.assertEqual(decode([gzip.compress(PAGE)], "gzip"), PAGE)

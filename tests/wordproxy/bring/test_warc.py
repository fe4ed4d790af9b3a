"""WARC files: what is counted of them, and how much of a damaged one."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from netsuite.http1.target import absolute
from netsuite.wordproxy.bring import tape, warc
from netsuite.wordproxy.bring.records import Record
from netsuite.wordproxy.copying import digest_of
from netsuite.wordproxy.store.contract import IMPORTED, RECOUNTED
from tests.wordproxy.bring import recordings
from tests.wordproxy.bring.recordings import HTML, RULES, WHEN, answer, seen, warc_record, zipped

INFO = warc_record(b"software: x\r\n", "urn:x", kind="warcinfo")
GOOD = warc_record(answer(), "http://good.example/")
CHUNKED = ("Content-Type: text/html", "Transfer-Encoding: chunked")


def read(*records: bytes, rules: Any = RULES) -> list[Record]:
    """The records of a plain file."""
    return list(warc.records(recordings.file(b"".join(records)), rules, WHEN))


def body(record: Record) -> bytes:
    """The bytes that are counted."""
    assert record.page is not None
    return b"".join(record.page.pieces)


def one(block: bytes, **fields: Any) -> str:
    """What becomes of one answer, and that the next one is found."""
    first, second = read(warc_record(block, **fields), GOOD)
    assert seen(second) == "page"
    return seen(first)


class PageTests(SynchronousTestCase):
    """Records of answers."""

    def test_described(self) -> None:
        """A page has its address without the query, its own date, and says that it was imported."""
        [record] = read(INFO, warc_record(answer(), "https://news.example/a?q=1"))
        page = record.page
        assert page is not None
        self.assertEqual((record.number, page.url, page.source), (2, "https://news.example/a?…", IMPORTED))
        self.assertEqual((page.day, page.when), ("2026-01-05", 1767607200.0))
        self.assertEqual(page.digest, digest_of(absolute(b"https://news.example/a?q=1"), RULES.url_key))
        self.assertEqual(body(record), HTML.encode())

    def test_compressed(self) -> None:
        """A file of gzip members has the records that the plain one has."""
        plain = [INFO, GOOD, warc_record(answer(b"\0\xff" * 90_000), "http://b.example/"), GOOD]
        unzipped = read(*plain)
        for data in (zipped(*plain), gzip.compress(b"".join(plain))):
            self.assertEqual(read(data), unzipped)

    def test_as_warcio_writes(self) -> None:
        """Files that the usual library writes are read to the byte, plain and compressed."""
        bodies = [b"", b"<p>tide", b"x\r\n\r\nWARC/1.0\r\n" * 3, bytes(range(256)) * 30]
        for is_gzip in (False, True):
            file = io.BytesIO()
            writer = WARCWriter(file, gzip=is_gzip, warc_version="1.0" if is_gzip else "1.1")
            writer.write_record(writer.create_warcinfo_record("x", {"software": "x"}))
            for number, payload in enumerate(bodies):
                head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
                uri = f"http://news.example/{number}"
                writer.write_record(
                    writer.create_warc_record(
                        uri, "response", payload=io.BytesIO(payload), length=len(payload), http_headers=head
                    )
                )
            records = read(file.getvalue())
            self.assertEqual([body(record) for record in records], bodies)

    def test_transfer_coding(self) -> None:
        """Chunks are undone; a body that was kept without them is taken as it is."""
        for payload, expected in (
            (b"4;x=y\r\ntide\r\n4\r\n boa\r\n0\r\n\r\n", b"tide boa"),
            (b"4\ntide\n0\n\n", b"tide"),
            (b"0\r\n\r\n", b""),
            (b"<p>tide", b"<p>tide"),
        ):
            [record] = read(warc_record(answer(payload, "HTTP/1.1 200 OK", *CHUNKED)))
            self.assertEqual(body(record), expected)

    def test_content_coding(self) -> None:
        """A body that is compressed is handed on as it is, with what it says of itself."""
        coded = gzip.compress(b"tide")
        block = answer(coded, "HTTP/1.1 200 OK", "content-type: text/plain", "CONTENT-ENCODING: gzip")
        [record] = read(warc_record(block))
        assert record.page is not None
        self.assertEqual((body(record), record.page.content_encoding), (coded, "gzip"))

    def test_loose_heads(self) -> None:
        """Heads as servers really send them are read."""
        for head in (
            b"HTTP/1.0 200\nContent-Type: text/html\n\n",
            b"HTTP/2 200 \r\ncontent-type:text/html\r\n\r\n",
        ):
            [record] = read(warc_record(head + b"tide"))
            self.assertEqual(body(record), b"tide")

    def test_revisit(self) -> None:
        """An answer whose body was the same as before is that page, met again."""
        head = answer(b"")
        first = "http://news.example/first"
        records = read(
            warc_record(head, "http://news.example/a", kind="revisit"),
            warc_record(head, "http://news.example/a", kind="revisit", WARC_Refers_To_Target_URI=first),
            warc_record(answer(b"", "HTTP/1.1 304 Not Modified"), kind="revisit"),
        )
        self.assertEqual([seen(record) for record in records], ["page", "page", "not modified"])
        pages = [record.page for record in records[:2]]
        self.assertEqual([page and page.source for page in pages], [RECOUNTED, RECOUNTED])
        for page, uri in zip(pages, (b"http://news.example/a", first.encode()), strict=True):
            assert page is not None
            self.assertEqual(page.digest, digest_of(absolute(uri), RULES.url_key))


class RequestTests(SynchronousTestCase):
    """Requests that were recorded with their answers."""

    def test_credentials(self) -> None:
        """An answer to a request with credentials is not counted, whichever of the two comes first."""
        asked = b"GET /a HTTP/1.1\r\nHost: news.example\r\nAuthorization: Basic eDp5\r\n\r\n"
        response = warc_record(answer(), WARC_Record_ID="<urn:1>")
        request = warc_record(asked, kind="request", WARC_Concurrent_To="<urn:1>")
        for records in (
            (response, request, GOOD),
            (request, response, GOOD),
            (INFO, response, request, GOOD),
        ):
            found = read(*records)
            self.assertEqual([seen(record) for record in found], ["authorization", "page"])
        by_uri = warc_record(asked, kind="request")
        self.assertEqual([seen(r) for r in read(by_uri, warc_record(answer()))], ["authorization"])

    def test_anothers(self) -> None:
        """A request of another exchange says nothing of this one."""
        asked = b"GET /b HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n"
        other = warc_record(asked, "http://news.example/b", kind="request", WARC_Concurrent_To="<urn:2>")
        mine = warc_record(answer(), WARC_Record_ID="<urn:1>")
        for records in ((mine, other), (other, mine)):
            self.assertEqual([seen(record) for record in read(*records)], ["page"])

    def test_method(self) -> None:
        """Of an answer to POST no address is kept, one to HEAD is no page."""
        for method, expected in (("POST", ["page"]), ("HEAD", ["status"])):
            request = warc_record(f"{method} /a HTTP/1.1\r\n\r\n".encode(), kind="request")
            records = read(request, warc_record(answer()))
            self.assertEqual([seen(record) for record in records], expected)
            self.assertIsNone(records[0].page and records[0].page.url)


class BrokenTests(SynchronousTestCase):
    """Records that can't be read, among others that can."""

    def test_judged(self) -> None:
        """The rules of live answers hold; what is no HTTP, or not whole, is not counted."""
        self.assertEqual(one(answer(b"", "HTTP/1.1 404 Not Found")), "status")
        self.assertEqual(one(answer(b"x", "HTTP/1.1 200 OK", "Content-Type: image/png")), "not text")
        self.assertEqual(one(b"tide and boat"), "unreadable")
        self.assertEqual(one(b""), "unreadable")
        self.assertEqual(one(answer(), WARC_Truncated="length"), "cut short")
        short = ("Content-Type: text/html", "Content-Length: 900")
        self.assertEqual(one(answer(b"tide", "HTTP/1.1 200 OK", *short)), "cut short")

    def test_bad_chunking(self) -> None:
        """Chunks that don't fit are told as damaged or as cut short, never counted in part."""
        for payload, reason in (
            (b"4\r\ntide\r\nzz\r\n", "unreadable"),
            (b"4\r\ntideboat\r\n0\r\n\r\n", "unreadable"),
            (b"4\r\ntide\r\n", "cut short"),
            (b"9\r\ntide", "cut short"),
            (b"4\r\ntide", "cut short"),
            (b"fffffffffffffff\r\ntide", "cut short"),
        ):
            self.assertEqual(one(answer(payload, "HTTP/1.1 200 OK", *CHUNKED)), reason, payload)

    def test_wrong_length(self) -> None:
        """A record whose length is too short or too long is unreadable; the next ones are found."""
        for length in (0, 5, len(answer()) - 1, len(answer()) + 30, len(answer()) + 200, 10**12, 10**17):
            records = read(INFO, warc_record(answer(), length=length), GOOD, GOOD)
            told = [seen(record) for record in records]
            self.assertEqual(told, ["unreadable", "page", "page"], length)

    def test_no_length(self) -> None:
        """A record without a length, or with a wrong one, is unreadable; the next one is found."""
        for value in (b"", b"-1", b"1e3", b"9" * 40, b"\xb2"):
            bad = warc_record(answer()).replace(
                b"Content-Length: %d" % len(answer()), b"Content-Length: " + value
            )
            self.assertEqual([seen(record) for record in read(bad, GOOD)], ["unreadable", "page"], value)

    def test_damaged_members(self) -> None:
        """A gzip member that is damaged anywhere is unreadable or harmless; those behind it are found."""
        member = gzip.compress(warc_record(answer(HTML.encode() * 20)))
        for at in range(0, len(member), 7):
            damaged = member[:at] + bytes((member[at] ^ 0x55,)) + member[at + 1 :]
            records = read(zipped(INFO), damaged, zipped(GOOD, GOOD))
            self.assertEqual([seen(record) for record in records][-2:], ["page", "page"], at)
            self.assertLessEqual(len(records), 3, at)

    def test_cut_members(self) -> None:
        """A member without its end is unreadable; those behind it are found, at every length."""
        member = gzip.compress(warc_record(answer()))
        for end in range(1, len(member), 5):
            records = read(zipped(INFO), member[:end], zipped(GOOD))
            self.assertEqual([seen(record) for record in records][-1:], ["page"], end)
            self.assertEqual(records[-1].host, "good.example", end)

    def test_end_of_file(self) -> None:
        """A file that ends anywhere gives the whole records before its end and one that is not whole."""
        data = INFO + GOOD + warc_record(answer())
        for end in range(len(INFO) + len(GOOD), len(data) - 4):
            told = [seen(record) for record in read(data[:end])]
            self.assertEqual(told[0], "page", end)
            self.assertIn(told[1:], ([], ["unreadable"]), end)

    def test_large(self) -> None:
        """A record over the bound is passed over without being held."""
        rules = replace(RULES, max_text=1000)
        large = warc_record(answer(b"x" * 8_000_000))
        for data in (large + GOOD, zipped(large, GOOD)):
            self.assertEqual([seen(r) for r in read(data, rules=rules)], ["too large", "page"])

    def test_many_broken(self) -> None:
        """A file in which every length lies is given up after so many searches, and that is told."""
        self.patch(tape, "SEARCHES_MAX", 50)
        bad = warc_record(b"x" * 20, length=50)
        told: list[str] = []
        with self.assertRaises(warc.WarcFault):
            told.extend(map(seen, warc.records(recordings.file(GOOD + bad * 1000), RULES, WHEN)))
        self.assertEqual(told, ["page", *["unreadable"] * 51])

    def test_bomb(self) -> None:
        """A member that grows without end costs no memory: what it holds is passed over."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        head = warc_record(b"", length=1 << 28).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        pieces = [packer.compress(head)]
        pieces += [packer.compress(bytes(1 << 20)) for _ in range(256)]
        data = b"".join([*pieces, packer.flush()])
        self.assertEqual([seen(r) for r in read(data, zipped(GOOD))], ["too large", "page"])

    def test_no_warc(self) -> None:
        """What is no WARC at all is a fault of the file; an empty file has no records."""
        for data in (
            b"<html>" * 100,
            b"\0" * 100,
            b"WARC/2.0\r\n\r\n",
            gzip.compress(b"tide"),
            b"\x1f\x8b\x08",
        ):
            with self.assertRaises(warc.WarcFault):
                read(data)
        self.assertEqual(read(b""), [])
        self.assertEqual(read(b"\r\n\r\n"), [])

    @settings(deadline=None, max_examples=200)
    @given(
        data=st.binary(max_size=200)
        | st.sampled_from([b"WARC/1.0\r\n", b"\nWARC/1.1\r\n", b"\x1f\x8b\x08", b"\r\n"]),
        at=st.integers(0, 900),
        cut=st.integers(0, 60),
        compressed=st.booleans(),
    )
    def test_any_damage(self, data: bytes, at: int, cut: int, compressed: bool) -> None:
        """However a file is damaged, nothing is raised but that it is no WARC, and numbers only rise."""
        records = [INFO, GOOD, warc_record(answer()), GOOD]
        good = zipped(*records) if compressed else b"".join(records)
        try:
            found = read(good[:at] + data + good[at + cut :])
        except warc.WarcFault:
            return
        numbers = [record.number for record in found]
        self.assertEqual(numbers, sorted(set(numbers)))

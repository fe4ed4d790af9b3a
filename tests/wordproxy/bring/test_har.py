"""HAR files: what is counted of them, and what they can't do to us."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.target import absolute
from netsuite.wordproxy.bring import har
from netsuite.wordproxy.bring.records import Record
from netsuite.wordproxy.copying import Rules, digest_of
from netsuite.wordproxy.store.contract import IMPORTED
from tests.wordproxy.bring import recordings
from tests.wordproxy.bring.recordings import HTML, RULES, WHEN, entry, seen

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def read(*entries: Any, rules: Rules = RULES) -> list[Record]:
    """The records of a HAR with these entries."""
    return list(har.records(recordings.file(recordings.har(*entries)), rules, WHEN))


def one(*arguments: Any, **options: Any) -> str:
    """What becomes of one entry."""
    [record] = read(entry(*arguments, **options))
    return seen(record)


class PageTests(SynchronousTestCase):
    """An entry that is a page."""

    def test_described(self) -> None:
        """A page has its address without the query, its own date, and says that it was imported."""
        url = "https://u:p@News.Example:443/a?q=1#f"
        [record] = read(entry(url, headers=(("Content-Language", "en-GB, cy"),)))
        page = record.page
        assert page is not None
        self.assertEqual(
            (page.url, page.host, page.source), ("https://news.example/a?…", "news.example", IMPORTED)
        )
        self.assertEqual((page.day, page.when), ("2026-01-05", 1767607200.0))
        self.assertEqual(
            (page.media_type, page.charset, page.content_language), ("text/html", "utf-8", "en-GB")
        )
        self.assertEqual((b"".join(page.pieces), page.size), (HTML.encode(), len(HTML)))
        self.assertNotIn("u:p", repr(record))
        self.assertNotIn("q=1", repr(record))

    def test_same_page_as_live(self) -> None:
        """A page has the digest that it has when it passes the relay."""
        [record] = read(entry("http://news.example/a?q=1"))
        target = absolute(b"http://news.example/a?q=1")
        assert record.page is not None
        self.assertEqual(record.page.digest, digest_of(target, RULES.url_key))

    def test_bodies(self) -> None:
        """Text is UTF-8 whatever the head says; base64 is bytes in the charset that it names."""
        gbk = "中文".encode("gbk")
        shown = "text/html; charset=gbk"
        [text, coded] = read(
            entry(text="中文", kind=shown),
            entry(text=base64.encodebytes(gbk).decode(), kind=shown, encoding="base64"),
        )
        assert text.page is not None
        assert coded.page is not None
        self.assertEqual((text.page.charset, text.page.pieces), ("utf-8", ["中文".encode()]))
        self.assertEqual((coded.page.charset, coded.page.pieces), ("gbk", [gbk]))

    def test_content_encoding(self) -> None:
        """Browsers have undone it; only what is still gzip is said to be."""
        coded = (("Content-Encoding", "gzip"),)
        zipped = base64.b64encode(gzip.compress(b"tide")).decode()
        pages = [
            record.page
            for record in read(
                entry(headers=coded),
                entry(text=base64.b64encode(b"tide").decode(), encoding="base64", headers=coded),
                entry(text=zipped, encoding="base64", headers=coded),
            )
        ]
        self.assertEqual([page and page.content_encoding for page in pages], ["", "", "gzip"])

    def test_posted(self) -> None:
        """Of an answer to POST no address is kept."""
        [record] = read(entry(method="POST"))
        assert record.page is not None
        self.assertIsNone(record.page.url)

    def test_lone_surrogates(self) -> None:
        """Half a character is one that was lost; the rest is counted."""
        data = recordings.har(entry(text="tide MARK boat")).replace(b"MARK", b"\\ud83d")
        [record] = har.records(recordings.file(data), RULES, WHEN)
        assert record.page is not None
        self.assertEqual(record.page.pieces, ["tide \ufffd boat".encode()])


class JudgedTests(SynchronousTestCase):
    """An entry that is no page, by the rules of live ones."""

    def test_reasons(self) -> None:
        """The rules on status, type, attachment, credentials, no-store and size hold."""
        self.assertEqual(one(status=304), "not modified")
        self.assertEqual(one(status=206), "partial")
        self.assertEqual(one(status=404), "status")
        self.assertEqual(one(status=0), "status")
        self.assertEqual(one(status=-1), "status")
        self.assertEqual(one(method="HEAD"), "status")
        self.assertEqual(one(kind="image/png"), "not text")
        self.assertEqual(one(headers=(("content-disposition", "attachment; filename=x"),)), "attachment")
        self.assertEqual(one(asked=(("AUTHORIZATION", "Basic eDp5"),)), "authorization")
        self.assertEqual(one(headers=(("cache-control", "private, no-store"),)), "no-store")
        self.assertEqual(one(text="x" * 10_001), "too large")
        self.assertEqual(one(text="x" * 10_000), "page")
        [record] = read(
            entry(headers=(("cache-control", "no-store"),)), rules=replace(RULES, count_no_store=True)
        )
        self.assertEqual(seen(record), "page")

    def test_bodies_that_are_not_there(self) -> None:
        """A body that was not recorded, or can't be read, is no empty page."""
        self.assertEqual(one(text=None, size=812), "cut short")
        self.assertEqual(one(text=None, size=812, status=304), "not modified")
        self.assertEqual(one(text=None, size=0), "page")
        self.assertEqual(one(text="x", encoding="base64"), "unreadable")
        self.assertEqual(one(text="x", encoding="rot13"), "unreadable")

    def test_addresses(self) -> None:
        """Other schemes and what is no address are no pages."""
        for url in (
            "data:text/html,tide",
            "file:///etc/passwd",
            "chrome-extension://x/y",
            "",
            "http://",
            "x",
        ):
            self.assertEqual(one(url), "status", url)

    def test_ignored_hosts(self) -> None:
        """A host that is not to be counted leaves no name."""
        rules = replace(RULES, ignore_hosts=("*.private.example",))
        records = read(entry("https://a.private.example/x"), entry(), rules=rules)
        self.assertEqual(
            [(seen(r), r.host) for r in records], [("ignored host", ""), ("page", "news.example")]
        )
        rules = replace(RULES, only_hosts=("other.example",))
        self.assertEqual([seen(r) for r in read(entry(), rules=rules)], ["ignored host"])


class BrokenTests(SynchronousTestCase):
    """Files that are not what they should be."""

    def test_missing_fields(self) -> None:
        """An entry without what is needed is unreadable, and the others count; the numbers go on."""
        bare = entry()
        del bare["startedDateTime"], bare["response"]["headers"], bare["request"]["headers"]
        broken: list[Any] = [{}, {"request": 1, "response": None}, {"request": {}, "response": {}}]
        broken.append({**entry(), "response": {"status": "many"}})
        records = read(entry(), *broken, bare)
        self.assertEqual([record.number for record in records], [1, 2, 3, 4, 5, 6])
        self.assertEqual([seen(record) for record in records], ["page", *["unreadable"] * 4, "page"])
        page = records[-1].page
        assert page is not None
        self.assertEqual(page.when, WHEN)

    def test_nulls_and_odd_numbers(self) -> None:
        """What some exporters write is read."""
        odd = entry(status="200", comment="x")
        odd["response"]["headers"].append({"name": "x", "value": None})
        odd["response"]["content"]["size"] = -1.0
        self.assertEqual([seen(record) for record in read(odd)], ["page"])

    def test_deep(self) -> None:
        """JSON nested 100,000 deep is unreadable, and the rest goes on."""
        deep = b"[" * 100_000 + b"]" * 100_000
        data = recordings.har({"x": "DEEP"}, entry()).replace(b'"DEEP"', deep)
        rules = replace(RULES, max_text=1_000_000)
        self.assertEqual(
            [seen(record) for record in har.records(recordings.file(data), rules, WHEN)],
            ["unreadable", "page"],
        )

    def test_long_entry(self) -> None:
        """An entry longer than a page may be is not read, and the rest goes on."""
        rules = replace(RULES, max_text=1000)
        records = read(entry(text="x" * 2_000_000), entry(), rules=rules)
        self.assertEqual([seen(record) for record in records], ["too large", "page"])

    def test_cut(self) -> None:
        """A file that ends in the middle gives what came before, and says so."""
        data = recordings.har(entry(), entry())
        records = list(har.records(recordings.file(data[:-40]), RULES, WHEN))
        self.assertEqual([seen(record) for record in records], ["page", "cut short"])

    def test_no_har(self) -> None:
        """What is no HAR at all is a fault of the file."""
        for data in (b"", b"{}", b"\0\1\2", b"[]", b'{"log":{}}', b"<html>"):
            with self.assertRaises(har.HarFault):
                list(har.records(recordings.file(data), RULES, WHEN))
        self.assertEqual(read(), [])

    @settings(deadline=None, max_examples=150)
    @given(entries=st.lists(_JSON | st.fixed_dictionaries({"request": _JSON, "response": _JSON}), max_size=3))
    def test_any_entries(self, entries: list[Any]) -> None:
        """Whatever the entries are, each object is a record, and nothing is raised."""
        objects = [one for one in entries if isinstance(one, dict | list)]
        self.assertEqual([r.number for r in read(*entries)], list(range(1, len(objects) + 1)))

    @settings(deadline=None, max_examples=150)
    @given(data=st.binary(max_size=300), at=st.integers(0, 600), cut=st.integers(0, 40))
    def test_any_damage(self, data: bytes, at: int, cut: int) -> None:
        """However a file is damaged, nothing is raised but that it is no HAR."""
        good = recordings.har(entry(), entry("http://b.example/"))
        damaged = good[:at] + data + good[at + cut :]
        try:
            records = list(har.records(recordings.file(damaged), RULES, WHEN))
        except har.HarFault:
            return
        self.assertEqual([record.number for record in records], list(range(1, len(records) + 1)))

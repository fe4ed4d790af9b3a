"""Parameters of an address: closed sets, bounds, and faults that name the parameter."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report import query
from netsuite.wordproxy.store.contract import SORTS, CoverageQuery, WordQuery

names = st.sampled_from(
    ["lang", "site", "day", "from", "to", "q", "all", "known", "sort", "offset", "limit", "x"]
)
values = st.text(max_size=12) | st.dates().map(str) | st.integers().map(str)


class WordsTests(SynchronousTestCase):
    def test_nothing_given(self) -> None:
        """Without parameters: the first hundred words of all days, most frequent first."""
        self.assertEqual(query.words([]), (WordQuery(), {}))

    def test_values(self) -> None:
        """Each parameter has its place in the query; what narrows the words is repeated in the answer."""
        for text, expected, said in [
            ("lang=EN", WordQuery(lang="en"), {"lang": "en"}),
            ("lang=zh-Hans", WordQuery(lang="zh-hans"), {"lang": "zh-hans"}),
            ("site=News.Example", WordQuery(site="news.example"), {"site": "news.example"}),
            ("site=::1", WordQuery(site="::1"), {"site": "::1"}),
            ("day=2026-01-05", WordQuery(day="2026-01-05"), {"day": "2026-01-05"}),
            (
                "from=2026-01-05&to=2026-01-06",
                WordQuery(from_="2026-01-05", to="2026-01-06"),
                {"from": "2026-01-05", "to": "2026-01-06"},
            ),
            ("from=2026-01-05", WordQuery(from_="2026-01-05"), {"from": "2026-01-05"}),
            ("q=caf*", WordQuery(q="caf*"), {"q": "caf*"}),
            ("q=+", WordQuery(), {}),
            ("all=1", WordQuery(everything=True), {"all": True}),
            ("all=0", WordQuery(), {}),
            ("known=unknown", WordQuery(known="unknown"), {"known": "unknown"}),
            ("lemma=1", WordQuery(lemma=True), {"lemma": True}),
            ("lemma=0", WordQuery(), {}),
            ("names=0", WordQuery(names=False), {"names": "0"}),
            ("limit=0", WordQuery(limit=0), {}),
            ("limit=2&offset=4&sort=pages", WordQuery(limit=2, offset=4, sort="pages"), {}),
            ("q=&lang=&site=&day=&sort=&limit=", WordQuery(), {}),
        ]:
            self.assertEqual(query.words(parse_qsl(text, keep_blank_values=True)), (expected, said), text)

    def test_faults(self) -> None:
        """What can't be is refused, and the sentence begins with the parameter's name."""
        for text in [
            "lang=e!",
            "lang=-",
            "lang=" + "e" * 36,
            "site=a/b",
            "site=a%20b",
            "site=a%00b",
            "site=" + "a" * 256,
            "day=yesterday",
            "day=2026-02-30",
            "day=20260105",
            "day=2026-W01-1",
            "day=２０２６-01-05",
            "day=2026-01-05&from=2026-01-01",
            "from=2026-01-06&to=2026-01-05",
            "to=x",
            "q=" + "a" * 101,
            "q=" + "a" * 1_000_000,
            "q=*a*a*a*a*",
            "q=a%00",
            "q=%E2%80%AE",
            "all=yes",
            "known=well",
            "names=yes",
            "page=x",
            "page=" + "z" * 32 + ":en",
            "sort=n;drop",
            "limit=-1",
            "limit=1e9",
            "limit=100001",
            "limit=" + "9" * 5000,
            "limit=١",
            "offset=99999999999999",
            "offset=1.5",
            "lang=en&lang=de",
        ]:
            fault = self.assertRaises(query.BadQuery, query.words, parse_qsl(text))
            self.assertTrue(str(fault).startswith(text.partition("=")[0] + ":"), (text, str(fault)))

    def test_unknown_parameters(self) -> None:
        """A parameter that is none is named, cut, without control characters, and with those there are."""
        for name in ("utm_source", "x" * 5000, "a\x1b[31m\u202e", ""):
            fault = str(self.assertRaises(query.BadQuery, query.words, [(name, "1")]))
            self.assertIn("no such parameter; there are lang, site", fault)
            self.assertTrue(fault.isprintable())
            self.assertLess(len(fault), 250)

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.tuples(names, values), max_size=5))
    def test_any_parameters(self, pairs: list[tuple[str, str]]) -> None:
        """Whatever comes is a query within bounds, or a fault of one printable line."""
        try:
            found, said = query.words(pairs)
        except query.BadQuery as fault:
            self.assertTrue(str(fault).isprintable())
        else:
            self.assertIn(found.sort, SORTS)
            self.assertLessEqual(found.limit, query.LIMIT_MAX)
            self.assertLessEqual(set(said), set(query.FILTERS))


class CoverageTests(SynchronousTestCase):
    def test_by(self) -> None:
        """Coverage is broken down by day, host, or both, in that order."""
        for text, by in [("", ()), ("by=day", ("day",)), ("by=host,day", ("day", "host")), ("by=", ())]:
            found = query.coverage(parse_qsl(text, keep_blank_values=True))
            self.assertEqual(found, (CoverageQuery(by=by), {}), text)
        self.assertRaises(query.BadQuery, query.coverage, [("by", "word")])
        self.assertRaises(query.BadQuery, query.coverage, [("lang", "en")])

    def test_nothing(self) -> None:
        """A page without parameters refuses them."""
        query.nothing([])
        self.assertRaises(query.BadQuery, query.nothing, [("x", "")])

"""The views over a little reading: each as page, JSON and CSV, in both languages."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import msgspec

from netsuite.wordproxy.store.contract import Knowledge, Note, PageQuery, WordQuery
from tests.site.wire import Reply, ask
from tests.wordproxy.report.desk import ReportCase
from tests.wordproxy.report.test_hostile import HOSTILE, Reading
from tests.wordproxy.store.samples import DAY, batch, page

#: Every view that needs no name.
LISTS = (
    "/words",
    "/unknown",
    "/known",
    "/search",
    "/pages",
    "/coverage",
    "/days",
    "/sites",
    "/langs",
    "/overview",
    "/compare",
)
VIEWS = ("/", *LISTS, "/setup", "/forget")


def today() -> str:
    """The day it is, asked anew by each test: a run may go past midnight."""
    return date.today().isoformat()


def records(reply: Reply) -> list[dict[str, str]]:
    """The rows of a CSV by its keys."""
    return list(csv.DictReader(io.StringIO(reply.text.partition("\r\n")[2], newline="")))


class Reader(ReportCase):
    """Three pages, two languages, two days, some words known."""

    def setUp(self) -> None:
        super().setUp()
        self.today = today()
        one = page(1, ("Harbour", "harbour", 3, 0), "tide", "The", ("menu", "menu", 0, 7))
        other = page(2, ("tide", "tide", 2, 0), "bar", path="b", day=self.today)
        third = page(3, "Hafen", path="c", lang="de", host="see.example", day=self.today)
        sentences = {
            1: [("tide", "The boats waited for the tide to turn.")],
            2: [("tide", "A tide, up at last.")],
        }
        pages = [
            msgspec.structs.replace(each, contexts=sentences.get(each.sequence, []))
            for each in (one, other, third)
        ]
        self.store.add(batch(*pages, Note(4, DAY, "shop.example", "unseen", 212)))
        self.id = self.store.pages(PageQuery(site="news.example", day=DAY)).pages[0].id
        self.known("harbour", "the")

    def known(self, *words: str, level: str = "known") -> None:
        """These English words have this level."""
        self.store.set_levels([Knowledge(word, "en", level) for word in words])

    def json(self, target: str) -> Any:
        """What a view says to programs."""
        reply = ask(self.site, target)
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/json"), target)
        return json.loads(reply.text)

    def text(self, target: str, *fields: str) -> str:
        """A view's page."""
        reply = ask(self.site, target, *fields)
        self.assertEqual(
            (reply.status, reply.headers["content-type"]), (200, "text/html; charset=utf-8"), target
        )
        return reply.text


class FormsTests(Reader):
    def views(self) -> list[str]:
        """Every view there is."""
        return [*VIEWS, "/word/tide?lang=en", "/site/news.example", f"/page/{self.id}"]

    def test_pages(self) -> None:
        """Every view is a page in both languages, under 100 KB, with coverage, and says its language."""
        for target in self.views():
            for field, tag, begin in (
                ("en", "en", "coverage all"),
                ("zh-CN,zh;q=0.9", "zh-Hans", "覆盖 全部"),
            ):
                reply = ask(self.site, target, f"Accept-Language: {field}")
                self.assertEqual((reply.status, reply.headers["content-language"]), (200, tag), target)
                self.assertIn(f'<html lang="{tag}">', reply.text)
                self.assertIn(begin, reply.text, target)
                self.assertIn("Accept-Language", reply.headers["vary"])
                self.assertLess(len(reply.body), 100_000)

    def test_data(self) -> None:
        """Every list is JSON and CSV, too, never translated, with coverage and the same rows."""
        for target in LISTS:
            if target == "/coverage":
                continue
            told = self.json(f"{target}.json")
            self.assertEqual(told["coverage"]["unseen"], 212, target)
            (rows,) = [
                value for value in told.values() if isinstance(value, list) and value is not told.get("cards")
            ]
            reply = ask(self.site, f"{target}.csv", "Accept-Language: zh")
            self.assertEqual(reply.headers["content-type"], "text/csv; charset=utf-8; header=present")
            self.assertTrue(reply.text.startswith("# coverage all days: 3 pages counted"), target)
            self.assertEqual(len(records(reply)), len(rows), target)
            if rows:
                self.assertEqual(set(records(reply)[0]), set(rows[0]))

    def test_single_things(self) -> None:
        """A word, a site, a page and coverage are CSV and JSON, too."""
        for name, rows in (
            ("/word/tide", 2),
            ("/site/news.example", 3),
            (f"/page/{self.id}", 2),
            ("/coverage", 2),
        ):
            reply = ask(self.site, f"{name}.csv")
            self.assertTrue(reply.text.startswith("# coverage all days: 3 pages counted"), name)
            self.assertEqual(len(records(reply)), rows, name)
            self.json(f"{name}.json")
        self.assertEqual(records(ask(self.site, "/coverage.csv?by=host"))[0]["host"], "shop.example")

    def test_same_filters(self) -> None:
        """Page, JSON and CSV take the same parameters, and refuse the same."""
        for target in LISTS:
            for form in ("", ".json", ".csv"):
                wanted = 400 if form or target in ("/overview",) else 200
                self.assertEqual(ask(self.site, f"{target}{form}?ui=zh").status, 200 if not form else wanted)
                self.assertEqual(ask(self.site, f"{target}{form}?colour=red").status, 400, target)
        words = [row["word"] for row in records(ask(self.site, "/words.csv?lang=de"))]
        self.assertEqual(words, [row["word"] for row in self.json("/words.json?lang=de")["words"]])
        self.assertIn('<bdi lang="de">Hafen</bdi>', self.text("/words?lang=de"))

    def test_language_by_link(self) -> None:
        """The other language is a link away and is remembered; it wins over the browser's."""
        text = self.text("/words?lang=en", "Accept-Language: en")
        self.assertIn('<a href="/words?lang=en&amp;ui=zh" lang="zh-Hans"', text)
        reply = ask(self.site, "/words?lang=en&ui=zh", "Accept-Language: en")
        self.assertIn("你遇到的词语", reply.text)
        cookie = reply.headers["set-cookie"].partition(";")[0]
        self.assertIn("你遇到的词语", self.text("/words", f"Cookie: {cookie}"))

    def test_faults_in_both_languages(self) -> None:
        """A fault is told in the reader's language; the parameter's name stays."""
        self.assertIn("limit: a number from 0", ask(self.site, "/words?limit=x").text)
        self.assertIn("limit：应为 0 到", ask(self.site, "/words?limit=x", "Accept-Language: zh").text)
        told = json.loads(ask(self.site, "/words.json?limit=x", "Accept-Language: zh").text)
        self.assertIn("limit: a number from 0", told["error"]["message"])

    def test_one_name_for_each_id(self) -> None:
        """No page has an id twice, each label has its field, and each drawing is well-formed."""
        for target in self.views():
            text = self.text(target)
            ids = re.findall(r' id="([^"]+)"', text)
            self.assertEqual(len(ids), len(set(ids)), target)
            for label in re.findall(r'<label for="([^"]+)"', text):
                self.assertIn(label, ids, target)
            for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
                ElementTree.fromstring(drawing)

    def test_no_view_loses_its_way(self) -> None:
        """Every link of ours in every view leads to a page."""
        seen = set()
        for target in self.views():
            for href in re.findall(r'href="(/[^"#]*)', self.text(target)):
                seen.add(href.replace("&amp;", "&"))
        for href in sorted(seen):
            self.assertEqual(ask(self.site, href).status, 200, href)
        self.assertGreater(len(seen), 40)

    def test_nothing_changes_by_reading(self) -> None:
        """No GET changes anything."""
        before = (self.store.levels(), self.store.words(WordQuery()), self.store.status().pages)
        for target in (
            *self.views(),
            "/forget?day=" + DAY,
            "/known?undo=1",
            "/pause",
            "/forget?what=everything",
        ):
            ask(self.site, target)
        self.assertEqual(
            (self.store.levels(), self.store.words(WordQuery()), self.store.status().pages), before
        )


class WordTests(Reader):
    def test_page(self) -> None:
        """A word's page has its numbers, and its sentences cut at it, newest first."""
        text = self.text("/word/tide?lang=en")
        self.assertIn("3 times on 2 pages", text)
        rows = re.findall(
            r'<td class="before"><div><bdi>(.*?) ?</bdi></div></td><th scope="row"><bdi>(.*?)</bdi>', text
        )
        self.assertEqual(rows, [("A", "tide"), ("The boats waited for the", "tide")])
        self.assertIn('href="http://news.example/a" rel="noreferrer noopener external"', text)

    def test_sorted(self) -> None:
        """The address says by which side sentences are sorted."""
        for sort, first in (("left", "A"), ("right", "The boats waited for the")):
            text = self.text(f"/word/tide?lang=en&sort={sort}")
            self.assertEqual(re.findall(r'<td class="before"><div><bdi>(.*?) ?</bdi>', text)[0], first)

    def test_text(self) -> None:
        """As text the sentences are aligned."""
        reply = ask(self.site, "/word/tide?lang=en&format=text")
        self.assertEqual(reply.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(
            reply.text,
            f"news.example {self.today}                          A  tide  , up at last.\n"
            f"news.example {DAY}   The boats waited for the  tide  to turn.\n",
        )

    def test_json(self) -> None:
        """As JSON it has all of the word, and its sentences in parts."""
        told = self.json("/word/tide.json?lang=en")
        self.assertEqual(
            (told["word"], told["occurrences"], told["pages"], told["known"]), ("tide", 3, 2, "new")
        )
        self.assertEqual(told["contexts"][0]["before"], "A ")
        self.assertEqual(records(ask(self.site, "/word/tide.csv"))[1]["after"], " to turn.")

    def test_any_capitals(self) -> None:
        """Whatever its capitals, and without a language, the word is found."""
        self.assertIn("3 times on 2 pages", self.text("/word/TIDE"))

    def test_never_met(self) -> None:
        """A word that was never met is 404."""
        for target in ("/word/nowhere", "/word/tide?lang=de", "/word/nowhere.json"):
            self.assertEqual(ask(self.site, target).status, 404)

    def test_names_that_end_like_a_form(self) -> None:
        """A word that ends as a form does can be asked for by its page."""
        self.store.add(batch(page(9, "readme.json", path="r")))
        self.assertIn('href="/word/readme.json?lang=en&amp;format=html"', self.text("/words"))
        self.assertIn("readme.json", self.text("/word/readme.json?lang=en&format=html"))

    def test_right_to_left(self) -> None:
        """Arabic sentences stand from right to left."""
        self.store.add(
            batch(
                msgspec.structs.replace(
                    page(9, "بحر", path="r", lang="ar"), contexts=[("بحر", "هذا بحر كبير")]
                )
            )
        )
        self.assertIn(
            '<table class="kwic" dir="rtl">',
            self.text("/word/بحر?lang=ar".replace("بحر", "%D8%A8%D8%AD%D8%B1")),
        )


class LearningTests(Reader):
    def test_unknown(self) -> None:
        """Next to learn: neither known nor ignored, most pages first."""
        words = [row["word"] for row in self.json("/unknown.json?lang=en")["words"]]
        self.assertEqual(words, ["tide", "bar"])
        self.known("tide", level="learning")
        self.assertEqual(self.json("/unknown.json?lang=en")["words"][0]["known"], "learning")
        self.known("tide", level="ignored")
        self.assertEqual([row["word"] for row in self.json("/unknown.json?lang=en")["words"]], ["bar"])

    def test_known(self) -> None:
        """The known words, met or not, as page and as data."""
        self.known("unmet", level="ignored")
        rows = [(row["word"], row["level"]) for row in records(ask(self.site, "/known.csv"))]
        self.assertEqual(rows, [("harbour", "known"), ("the", "known"), ("unmet", "ignored")])
        self.assertEqual(len(self.json("/known.json?known=ignored")["known"]), 1)
        self.assertIn("unmet", self.text("/known?q=unm"))

    def test_share(self) -> None:
        """Shares are of occurrences and of distinct words; by hand: harbour 3, tide 1, the 1."""
        text = self.text(f"/page/{self.id}")
        self.assertIn("<b>80%</b> of occurrences", text)
        self.assertIn("<b>66.7%</b> of different words", text)
        told = self.json(f"/page/{self.id}.json")
        self.assertEqual((told["known_occurrences"], told["known_distinct"]), (0.8, 0.6667))
        day = self.json("/days.json")["days"][-1]
        self.assertEqual((day["day"], day["known_occurrences"], day["known_distinct"]), (DAY, 0.8, 0.6667))

    def test_anki(self) -> None:
        """The words to learn, each with its newest sentence, as a file for Anki."""
        reply = ask(self.site, "/unknown.tsv?lang=en")
        self.assertEqual(reply.headers["content-disposition"], 'attachment; filename="unknown.tsv"')
        rows = [line.split("\t") for line in reply.text.splitlines() if not line.startswith("#")]
        self.assertEqual([row[1:3] for row in rows], [["tide", "A <b>tide</b>, up at last."], ["bar", ""]])


class ChartTests(Reader):
    def test_numbers_equal_the_json(self) -> None:
        """What a chart tells who doesn't see it is what the JSON has."""
        text = self.text("/days")
        told = re.search(r'<desc id="read-desc">(.*?)</desc>', text)
        days = {row["day"]: row["occurrences"] for row in self.json("/days.json")["days"]}
        self.assertEqual(told and told[1], "; ".join(f"{day}: {days[day]}" for day in sorted(days)))

    def test_sums(self) -> None:
        """Breakdowns add up to the totals."""
        total = self.json("/words.json?limit=0&all=1")["total"]
        for name in ("days", "sites", "langs"):
            parts = self.json(f"/{name}.json?all=1&limit=0")[name]
            self.assertEqual(sum(part["occurrences"] for part in parts), total["occurrences"], name)


class HostileViewTests(ReportCase):
    def test_everything_hostile(self) -> None:
        """Hostile words, sentences, titles, hosts and addresses are text in every view and form."""
        for n, text in enumerate(HOSTILE, 1):
            hostile = page(
                n,
                (text, text, 3, 0),
                "tide",
                host=text[:200],
                lang="en",
                title=text,
                path=str(n),
                day=today(),
            )
            url = text if n % 2 else f"http://news.example/{text}"
            self.store.add(
                batch(
                    msgspec.structs.replace(hostile, url=url, contexts=[("tide", f"{text} tide {text}")]),
                    last=n,
                )
            )
        self.store.set_levels([Knowledge(text, "en", "learning") for text in HOSTILE])
        ids = [row.id for row in self.store.pages(PageQuery(limit=0)).pages]
        targets = [*VIEWS, "/word/tide?lang=en", *(f"/page/{one}" for one in ids)]
        targets += [f"/word/{quote(text, safe='')}?lang=en&format=html" for text in HOSTILE]
        targets += [f"/site/{quote(text, safe='')}" for text in HOSTILE]
        targets += [f"/forget?word={quote(text)}&lang=en" for text in HOSTILE]
        for target in targets:
            reply = ask(self.site, target)
            self.assertIn(reply.status, (200, 400, 404), target)
            found = Reading(reply.text)
            self.assertFalse({"img", "iframe", "style", "object"} & set(found.tags), target)
            self.assertLessEqual(found.tags.count("script"), 2, target)
            self.assertFalse(
                {name for name in found.attributes if name.startswith("on") or name == "style"}, target
            )
            for href in re.findall(r'(?:href|src|action)="([^"]*)"', reply.text):
                self.assertTrue(href.startswith(("/", "#", "http://", "https://")), (target, href))
        for target in LISTS:
            for row in records(
                ask(self.site, f"{target}.csv?limit=0" if target == "/words" else f"{target}.csv")
            ):
                for value in row.values():
                    self.assertFalse(value.lstrip(" ").startswith(("=", "+", "-", "@")), (target, value))
        tsv = ask(self.site, "/unknown.tsv").text
        self.assertFalse({"script", "img", "svg"} & set(Reading(tsv).tags))

"""The report on the wire: its pages, its JSON, and what it says when it can't answer."""

from __future__ import annotations

import json
import re
from typing import Any

from netsuite.wordproxy.report.reader import WAITING_MAX
from netsuite.wordproxy.store.contract import Note, StoreFault
from netsuite.wordproxy.store.open import open_store
from tests.site.wire import Client, Reply, ask
from tests.wordproxy.report.desk import ReportCase
from tests.wordproxy.store.samples import DAY, batch, page

PAGES = ("/", "/words", "/coverage", "/setup")
DATA = ("/words.json", "/coverage.json", "/healthz")


class Read(ReportCase):
    """A report over a little reading."""

    def setUp(self) -> None:
        super().setUp()
        self.store.add(
            batch(
                page(1, "Harbour", "harbour", "tide", "The", ("menu", "menu", 0, 7)),
                page(2, "tide", path="b", day="2026-01-06"),
                page(3, "Hafen", path="c", lang="de", host="see.example"),
                Note(4, DAY, "shop.example", "unseen", 212),
                Note(5, DAY, "news.example", "not modified", 71),
                Note(6, DAY, "", "paused", 720),
            )
        )

    def json(self, target: str, status: int = 200) -> Any:
        reply = ask(self.site, target)
        self.assertEqual((reply.status, reply.headers["content-type"]), (status, "application/json"), target)
        return json.loads(reply.text)


class JsonTests(Read):
    def test_words(self) -> None:
        """/words.json has coverage, the filter, totals, and words with all that is known of them."""
        self.assertEqual(
            self.json(f"/words.json?lang=en&site=news.example&day={DAY}&limit=1"),
            {
                "coverage": {"counted": 2, "unseen": 212, "skipped": {"not modified": 71}, "paused_s": 720},
                "filter": {"lang": "en", "site": "news.example", "day": DAY},
                "total": {"occurrences": 3, "distinct": 2, "pages": 1},
                "words": [
                    {
                        "word": "Harbour",
                        "lang": "en",
                        "occurrences": 2,
                        "pages": 1,
                        "first": DAY,
                        "last": DAY,
                        "key": "harbour",
                        "known": "new",
                        "is_name": False,
                    }
                ],
            },
        )

    def test_keys_in_order(self) -> None:
        """The keys come as they are documented, for who reads them in a terminal."""
        text = ask(self.site, "/words.json").text
        self.assertTrue(
            text.startswith('{"coverage":{"counted":3,"unseen":212,"skipped":{"not modified":71},')
        )
        self.assertTrue(text.endswith("}\n"))

    def test_everything(self) -> None:
        """all=1 has stop words and boilerplate; limit=0 has every word."""
        words = self.json("/words.json?all=1&limit=0")["words"]
        self.assertEqual(
            [(word["word"], word["occurrences"]) for word in words],
            [("menu", 7), ("Harbour", 2), ("tide", 2), ("Hafen", 1), ("The", 1)],
        )

    def test_a_hundred_by_default(self) -> None:
        """Without a limit there are a hundred words, and the totals of all."""
        self.store.add(batch(page(7, *(f"word{n:03}" for n in range(300)))))
        found = self.json("/words.json")
        self.assertEqual((len(found["words"]), found["total"]["distinct"]), (100, 303))
        self.assertEqual(len(self.json("/words.json?limit=0")["words"]), 303)

    def test_coverage(self) -> None:
        """/coverage.json is the same object, and has parts by day and host where asked."""
        whole = {"counted": 3, "unseen": 212, "skipped": {"not modified": 71}, "paused_s": 720}
        self.assertEqual(self.json("/coverage.json"), whole)
        self.assertEqual(self.json("/words.json")["coverage"], whole)
        found = self.json(f"/coverage.json?by=day,host&day={DAY}")
        self.assertEqual(found["counted"], 2)
        self.assertIn(
            {"day": DAY, "host": "shop.example", "counted": 0, "unseen": 212, "skipped": {}, "paused_s": 0},
            found["by"],
        )
        self.assertEqual(
            [part["day"] for part in self.json("/coverage.json?by=day")["by"]], ["2026-01-06", DAY]
        )

    def test_bad_parameters(self) -> None:
        """A fault in the parameters is 400 in JSON, and names them."""
        for target in (
            "/words.json?limit=x",
            "/coverage.json?by=x",
            "/healthz?x=1",
            "/words.json?" + "a=1&" * 60,
        ):
            error = self.json(target, 400)["error"]
            self.assertEqual(error["status"], 400)
        self.assertIn("limit:", self.json("/words.json?limit=x", 400)["error"]["message"])

    def test_health(self) -> None:
        """/healthz says how the store and the counter are: 200 while both are well."""
        found = self.json("/healthz")
        self.assertEqual((found["status"], found["store"], found["counter"]), ("ok", "ok", "running"))
        self.health = {"status": "failing", "counter": "lost"}
        self.assertEqual(self.json("/healthz", 503)["counter"], "lost")


class PageTests(Read):
    def text(self, target: str) -> str:
        reply = ask(self.site, target)
        self.assertEqual(
            (reply.status, reply.headers["content-type"]), (200, "text/html; charset=utf-8"), target
        )
        return reply.text

    def rows(self, target: str) -> list[str]:
        """The words of a page, in order."""
        return [
            part.split("</bdi>")[0].rpartition(">")[2] for part in self.text(target).split("<bdi lang=")[1:]
        ]

    def test_words(self) -> None:
        """The words, most frequent first, with rank, language, occurrences and pages."""
        self.assertEqual(self.rows("/words"), ["Harbour", "tide", "Hafen"])
        row = self.text("/words").split("<tbody>")[1].split("</tr>")[1]
        for cell in (
            '<td class="n rank">2</td>',
            "<td><bdi>en</bdi></td>",
            '<td class="n">2</td><td class="n">2</td>',
        ):
            self.assertIn(cell, row)
        self.assertIn("3 words, met 5 times on 3 pages", self.text("/words"))

    def test_narrowed(self) -> None:
        """The form's parameters narrow the list, and the form shows them."""
        self.assertEqual(self.rows("/words?lang=de&q=&site="), ["Hafen"])
        self.assertEqual(self.rows("/words?q=ha*"), ["Harbour", "Hafen"])
        self.assertEqual(self.rows("/words?all=1"), ["menu", "Harbour", "tide", "Hafen", "The"])
        text = self.text("/words?lang=de&q=h%22&site=see.example&all=1&day=2026-01-05&sort=word")
        for field in (
            "<option selected>de</option>",
            'name="q" value="h&#34;"',
            'name="site" value="see.example"',
            'value="1" checked',
            'name="day" value="2026-01-05"',
            'name="sort" value="word"',
        ):
            self.assertIn(field, text)

    def test_coverage_line_everywhere(self) -> None:
        """Each page says what the numbers are worth."""
        for target in PAGES:
            self.assertIn(
                "coverage all days: 3 pages counted · 212 tunnels unseen (1 host)", self.text(target)
            )
        self.assertIn(f"coverage {DAY}: 2 pages counted", self.text(f"/words?day={DAY}"))

    def test_from_page_to_page(self) -> None:
        """Lists go on by links that keep the filter, until there is no more."""
        self.store.add(batch(page(7, *(f"word{n:03}" for n in range(250)))))
        seen, target = [], "/words?lang=en&sort=word"
        while target:
            text = self.text(target)
            seen += self.rows(target)
            target = (
                text.split('" rel="next"')[0].rpartition('href="')[2].replace("&amp;", "&")
                if "next" in text
                else ""
            )
        self.assertEqual(seen, sorted(seen, key=str.casefold))
        self.assertEqual(len(seen), 252)
        self.assertIn(
            'href="/words?lang=en&amp;sort=word&amp;offset=100" rel="prev"',
            self.text("/words?lang=en&sort=word&offset=200"),
        )
        self.assertNotIn(
            "offset", self.text("/words?offset=100").split('rel="prev"')[0].rpartition("href=")[2]
        )

    def test_past_the_end(self) -> None:
        """A page past the end is empty, says so, and leads back."""
        text = self.text("/words?offset=900")
        self.assertIn("No word fits.", text)
        self.assertIn('rel="prev"', text)

    def test_sorts(self) -> None:
        """Columns sort by links; the one in force says so to a screen reader."""
        text = self.text("/words?lang=en&sort=pages")
        self.assertIn('aria-sort="descending"><a href="/words?lang=en&amp;sort=pages">Pages', text)
        self.assertEqual(self.rows("/words?lang=en&sort=pages"), ["tide", "Harbour"])

    def test_bad_parameters(self) -> None:
        """A fault in the parameters is a page, 400, that names them."""
        for target, name in [
            ("/?limit=0", "limit:"),
            ("/words?limit=1001", "limit:"),
            ("/words?colour=red", "colour:"),
            ("/coverage?by=word", "by:"),
            ("/setup?x=1", "x:"),
            ("/words?q=" + "a" * 5000, "q:"),
        ]:
            reply = ask(self.site, target)
            self.assertEqual(reply.status, 400, target)
            self.assertIn(name, reply.text)

    def test_coverage(self) -> None:
        """Coverage is shown by reason and by day; one day by host."""
        text = self.text("/coverage")
        self.assertIn('<th scope="row">not modified</th><td class="n">71</td>', text)
        self.assertIn("The browser had the page already (304)", text)
        self.assertIn(f'<a href="/coverage?day={DAY}">', text)
        self.assertIn("<bdi>shop.example</bdi>", self.text(f"/coverage?day={DAY}"))

    def test_setup(self) -> None:
        """Setup names this proxy for browsers, curl and the system, and what is not seen."""
        text = self.text("/setup")
        for piece in (
            "curl -x http://127.0.0.1:8001 ",
            "Firefox",
            "--proxy-server=http://127.0.0.1:8001",
            "export http_proxy=http://127.0.0.1:8001",
            "Browsers never send <code>localhost</code>",
            "HTTPS",
            "/state/words.db",
            "<code>127.0.0.1</code>, Port: <code>8001</code>",
        ):
            self.assertIn(piece, text)

    def test_head(self) -> None:
        """Every view answers HEAD with GET's headers and no body."""
        for target in (*PAGES, *DATA):
            get, head = ask(self.site, target), ask(self.site, target, method="HEAD")
            self.assertEqual((head.status, head.body), (200, b""), target)
            self.assertEqual(head.headers | {"date": ""}, get.headers | {"date": ""}, target)

    def test_names(self) -> None:
        """A foreign name is answered 421, ours 200."""
        for target in (*PAGES, *DATA):
            self.assertEqual(ask(self.site, target, host="evil.example").status, 421, target)
            self.assertEqual(ask(self.site, target, host="words.example").status, 200, target)

    def test_no_script(self) -> None:
        """No page has a script or style in itself, or anything from elsewhere."""
        for target in PAGES:
            text = re.sub('<script src="/static/[^"<>]*" defer></script>', "", self.text(target))
            for bad in ("<script", "style=", "<style", "onclick", "javascript:", 'src="http', 'href="http'):
                self.assertNotIn(bad, text)


class EmptyTests(ReportCase):
    def first_line(self) -> str:
        main = ask(self.site, "/").text.split('<div id="view"')[1].partition(">")[2]
        return main.strip().split("\n")[0]

    def test_nothing_came(self) -> None:
        """A report of nothing leads to the setup."""
        self.assertIn(
            'no page has come through the proxy. See <a href="/setup">Setup</a>.', self.first_line()
        )

    def test_only_tunnels(self) -> None:
        """A report of HTTPS alone says so in its first line."""
        self.store.add(batch(Note(1, DAY, "shop.example", "unseen", 14)))
        line = self.first_line()
        self.assertIn("Nothing counted yet: 14 HTTPS tunnels were passed unseen.", line)
        self.assertIn(' See <a href="/setup#interception">Interception</a>.', line)
        self.assertIn('id="interception"', ask(self.site, "/setup").text)


class FaultTests(ReportCase):
    def failing(self) -> list[Reply]:
        return [ask(self.site, target) for target in (*PAGES, *DATA)]

    def test_store_fault(self) -> None:
        """While the store can't be read, every view is 503 and says why; mended, it works at once."""

        def broken() -> Any:
            raise StoreFault("/state/words.db is damaged; put a backup in its place")

        self.opened = broken
        for reply in self.failing():
            self.assertEqual(reply.status, 503)
            self.assertIn("is damaged", reply.text)
        self.opened = lambda: self.store
        self.assertEqual({reply.status for reply in self.failing()}, {200})

    def test_no_file_yet(self) -> None:
        """A store that isn't made yet is 503, not a fault of ours."""
        self.opened = lambda: open_store("/nowhere/words.db", read_only=True)
        self.assertEqual({reply.status for reply in self.failing()}, {503})

    def test_busy(self) -> None:
        """With too many questions in line one more is 503 and may come again; those in line are answered."""
        self.line.at_once = False
        waiting = [Client(self.site) for _ in range(WAITING_MAX)]
        for client in waiting:
            client.protocol.dataReceived(b"GET /words.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reply = ask(self.site, "/words.json")
        self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        self.assertEqual(ask(self.site, "/healthz").status, 503)
        self.line.run()
        self.assertEqual({client.replies()[0].status for client in waiting}, {200})

    def test_stopped(self) -> None:
        """After the stop nothing is asked any more."""
        self.stop()
        self.assertEqual({reply.status for reply in self.failing()}, {503})

"""What the report changes: levels, lists, forgetting, pause, a site's language; and who may."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from netsuite.site import token
from netsuite.site.tongue import said
from netsuite.wordproxy.report.undo import CHANGES_MAX, WORDS_MAX, Changes
from netsuite.wordproxy.store.contract import Knowledge, PageQuery, WordQuery
from tests.site.wire import Client, Reply, ask
from tests.wordproxy.report.desk import ReportCase
from tests.wordproxy.store.samples import DAY, batch, page


class ChangingCase(ReportCase):
    """A report over two pages."""

    def setUp(self) -> None:
        super().setUp()
        self.store.add(batch(page(1, "Harbour", "tide"), page(2, "tide", path="b", host="see.example")))

    def post(
        self, target: str, body: str, kind: str = "application/x-www-form-urlencoded", *fields: str
    ) -> Reply:
        """The answer to a POST."""
        data = body.encode()
        lines = [
            f"POST {target} HTTP/1.1",
            "Host: localhost",
            f"Content-Type: {kind}",
            f"Content-Length: {len(data)}",
        ]
        client = Client(self.site)
        client.protocol.dataReceived("\r\n".join([*lines, *fields]).encode() + b"\r\n\r\n" + data)
        (reply,) = client.replies()
        return reply

    def form(self, target: str, **values: str) -> Reply:
        """The answer to a form of ours."""
        return self.post(target, urlencode({"token": self.token.of(token.FORM), **values}))

    def send(self, target: str, value: Any, status: int = 200) -> Any:
        """What is told to a program that sends JSON and has the secret."""
        reply = self.post(
            target, json.dumps(value), "application/json", "Authorization: Bearer the secret of the report"
        )
        self.assertEqual((reply.status, reply.headers["content-type"]), (status, "application/json"))
        return json.loads(reply.text)

    def levels(self) -> dict[str, str]:
        """The levels that the store has."""
        return {word.key: word.level for word in self.store.levels() if word.level != "new"}

    def notice(self, reply: Reply) -> str:
        """What the page says where the answer leads."""
        self.assertEqual(reply.status, 303)
        return (
            ask(self.site, reply.headers["location"])
            .text.partition('<div role="status">')[2]
            .partition("<h1>")[0]
        )


class KnownTests(ChangingCase):
    def test_one_click(self) -> None:
        """A button marks its word, the list says so, and offers to undo it; undone, it is as before."""
        reply = self.form("/known", mark="known:en:tide", back="/words?lang=en")
        self.assertTrue(reply.headers["location"].startswith("/words?lang=en&done="))
        self.assertEqual(self.levels(), {"tide": "known"})
        notice = self.notice(reply)
        self.assertIn("“tide” is marked as known.", notice)
        number = notice.partition('name="undo" value="')[2].partition('"')[0]
        again = self.form("/known", undo=number, back="/words")
        self.assertEqual(self.levels(), {})
        self.assertIn("It is as it was before.", self.notice(again))
        self.assertEqual(self.form("/known", undo=number).status, 409)

    def test_by_form(self) -> None:
        """A word is marked by what it is compared by."""
        self.form("/known", mark="learning:en:TIDE")
        self.assertEqual(self.levels(), {"tide": "learning"})

    def test_programs(self) -> None:
        """A program marks many words at once, all or none."""
        words = [{"word": word, "lang": "en", "level": "known"} for word in ("tide", "Harbour")]
        told = self.send("/known", {"words": words})
        self.assertEqual((told["changed"], self.levels()), (2, {"tide": "known", "harbour": "known"}))
        self.assertIn(
            "level",
            self.send("/known", {"words": [*words, {**words[0], "level": "x"}]}, 400)["error"]["message"],
        )
        for bad in ({}, {"words": [1]}, {"words": [], "x": 1}, [], {"words": []}):
            self.send("/known", bad, 422)
        self.assertEqual(len(self.levels()), 2)

    def test_bad_marks(self) -> None:
        """What names no word, language or level changes nothing."""
        for mark in (
            "",
            "known",
            "known:en:",
            "known::tide",
            "well:en:tide",
            "known:e!:tide",
            "known:en:" + "x" * 300,
        ):
            self.assertIn(self.form("/known", mark=mark).status, (400, 422), mark)
        self.assertEqual(self.form("/known").status, 422)
        self.assertEqual(self.levels(), {})

    def test_where_to(self) -> None:
        """A form leads back into this site only."""
        for back in (
            "//evil.example/",
            "https://evil.example/",
            "/\\evil.example",
            "javascript:alert(1)",
            "/a\r\nX: 1",
            "",
        ):
            location = self.form("/known", mark="known:en:tide", back=back).headers["location"]
            self.assertTrue(location.startswith("/?done="), (back, location))

    def test_a_list(self) -> None:
        """A pasted list is taken whole, and undone whole."""
        reply = self.form(
            "/known", list="tide\nHarbour\nwell-known\n", lang="en", level="learning", back="/known"
        )
        self.assertEqual(self.levels(), {"tide": "learning", "harbour": "learning"})
        notice = self.notice(reply)
        self.assertIn("2 words were brought in; 1 line was no single word", notice)
        self.form("/known", undo=notice.partition('name="undo" value="')[2].partition('"')[0])
        self.assertEqual(self.levels(), {})

    def test_a_csv(self) -> None:
        """A list with a header is read by its columns; a fault names its line, and nothing is taken."""
        self.form("/known", list="word,level\ntide,ignored\n", lang="en")
        self.assertEqual(self.levels(), {"tide": "ignored"})
        reply = self.form("/known", list="word,level\nbar,known\nharbour,well\n", lang="en")
        self.assertEqual(reply.status, 422)
        self.assertIn("line 3", reply.text)
        self.assertEqual(self.levels(), {"tide": "ignored"})

    def test_there_and_back(self) -> None:
        """What /known.csv gave is taken again as it was, each word in its language, without doubles."""
        words = [
            Knowledge("tide", "en", "ignored"),
            Knowledge("hafen", "de", "learning"),
            Knowledge("读书", "zh", "known"),
        ]
        self.store.set_levels(words)
        kept = sorted(self.store.levels(), key=repr)
        text = ask(self.site, "/known.csv").text
        self.form("/forget", what="all_and_levels")
        self.assertEqual(self.levels(), {})
        for _ in range(2):
            self.assertEqual(self.form("/known", list=text, lang="fr").status, 303)
            self.assertEqual(sorted(self.store.levels(), key=repr), kept)

    def parts(self, *parts: str) -> Reply:
        """The answer to a form with these parts: each its name, an empty line, its content."""
        head = "--x\r\nContent-Disposition: form-data; name="
        body = "".join(
            f"{head}{part}\r\n" for part in (f'"token"\r\n\r\n{self.token.of(token.FORM)}', *parts)
        )
        return self.post("/known", f"{body}--x--\r\n", "multipart/form-data; boundary=x")

    def test_a_file(self) -> None:
        """A file is taken by what its name or its first line says it is, with the fields beside it."""
        lang, none = '"lang"\r\n\r\nen', '"list"\r\n\r\n'
        csv = '"file"; filename="C:\\\\mine.CSV"\r\n\r\nword,level\r\ntide,ignored\r\n'
        self.assertEqual(self.parts(lang, none, csv).status, 303)
        self.assertEqual(self.levels(), {"tide": "ignored"})
        self.assertEqual(self.parts(lang, csv.replace("mine.CSV", "mine")).status, 303)
        plain = '"file"; filename="mine.txt"\r\n\r\nharbour\nbar\n'
        self.assertEqual(self.parts(lang, plain).status, 303)
        self.assertEqual(self.levels(), {"tide": "ignored", "harbour": "known", "bar": "known"})

    def test_no_file(self) -> None:
        """Where no file was chosen the text counts; two files, or no form's bytes, are refused."""
        lang, text = '"lang"\r\n\r\nen', '"list"\r\n\r\ntide'
        none = '"file"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n'
        self.assertEqual(self.parts(lang, text, none).status, 303)
        self.assertEqual(self.levels(), {"tide": "known"})
        self.assertEqual(self.parts(lang, none).status, 422)
        one = '"file"; filename="a.txt"\r\n\r\nbar'
        self.assertIn(self.parts(lang, one, one).status, (413, 422))
        self.assertEqual(self.post("/known", "what", "multipart/form-data; boundary=x").status, 400)
        self.assertEqual(self.post("/known", "what", "multipart/form-data").status, 400)

    def test_a_file_of_strangers(self) -> None:
        """Without our token a file changes nothing."""
        body = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nbar\r\n--x--\r\n'
        self.assertEqual(self.post("/known", body, "multipart/form-data; boundary=x").status, 401)
        self.assertEqual(self.levels(), {})

    def test_a_list_of_a_program(self) -> None:
        """A program sends the file as it is."""
        reply = self.post(
            "/known?lang=en", "tide\n", "text/plain", "Authorization: Bearer the secret of the report"
        )
        self.assertEqual((json.loads(reply.text)["changed"], self.levels()), (1, {"tide": "known"}))

    def test_without_a_language(self) -> None:
        """A list needs a language."""
        self.assertEqual(self.form("/known", list="tide").status, 400)


class ForgetTests(ChangingCase):
    def test_asked_first(self) -> None:
        """The page says what would go, and only its button does it."""
        for target, piece in [
            ("/forget?word=tide&lang=en", "The word <bdi>tide</bdi>"),
            ("/forget?host=see.example", "The site <bdi>see.example</bdi>"),
            (f"/forget?day={DAY}", f"The day {DAY}"),
            ("/forget?what=everything", "but not the levels"),
        ]:
            text = ask(self.site, target).text
            self.assertIn(piece, text)
            self.assertIn('<button class="grave">', text)
        self.assertEqual(len(self.store.words(WordQuery()).words), 2)

    def test_forgotten(self) -> None:
        """What is forgotten is in no view any more."""
        self.form("/forget", host="see.example")
        self.assertEqual(self.store.words(WordQuery()).total.pages, 1)
        self.form("/forget", word="tide", lang="en")
        self.assertEqual([word.word for word in self.store.words(WordQuery()).words], ["Harbour"])
        self.assertNotIn("tide", ask(self.site, "/words").text)
        self.assertIn("It is forgotten.", self.notice(self.form("/forget", what="everything")))
        self.assertEqual(self.store.words(WordQuery()).words, [])

    def test_a_page(self) -> None:
        """A page is forgotten by its id."""
        identity = self.store.pages(PageQuery(site="see.example")).pages[0].id
        self.assertIn("A title", ask(self.site, f"/forget?page={identity}").text)
        self.form("/forget", page=identity)
        self.assertEqual(self.store.words(WordQuery()).total.pages, 1)

    def test_pages_that_wait(self) -> None:
        """While pages still wait for the store, nothing is forgotten: they would come after it."""
        self.is_flushed = False
        self.assertEqual(self.form("/forget", host="see.example").status, 503)
        self.assertEqual(self.store.words(WordQuery()).total.pages, 2)

    def test_levels_stay(self) -> None:
        """Everything leaves the levels, unless they are named."""
        self.store.set_levels([Knowledge("tide", "en", "known")])
        self.form("/forget", what="everything")
        self.assertEqual(self.levels(), {"tide": "known"})
        self.form("/forget", what="all_and_levels")
        self.assertEqual(self.levels(), {})

    def test_one_thing(self) -> None:
        """More than one thing, a word without its language, nothing: refused."""
        for fields in (
            {"day": DAY, "host": "a.b"},
            {"word": "tide"},
            {"lang": "en"},
            {},
            {"what": "all"},
            {"day": "x"},
        ):
            self.assertIn(self.form("/forget", **fields).status, (400, 422), fields)
        self.assertEqual(self.store.words(WordQuery()).total.pages, 2)

    def test_programs(self) -> None:
        """A program is told how much that was."""
        self.assertEqual(self.send("/forget", {"host": "see.example"})["forgotten"], 1)


class OtherTests(ChangingCase):
    def test_pause(self) -> None:
        """Counting is paused and goes on by a button."""
        self.assertIn("Counting is paused", self.notice(self.form("/pause", paused="1", back="/words")))
        self.assertEqual(self.paused, [True])
        self.assertIn("Pages are being counted.", self.notice(self.form("/pause", paused="0")))
        self.assertEqual(self.send("/pause", {"paused": True})["paused"], True)
        self.assertEqual(self.paused, [True, False, True])
        self.assertEqual(self.form("/pause", paused="x").status, 400)

    def test_a_sites_language(self) -> None:
        """A site's language is corrected from its page."""
        self.form("/sites", host="see.example", lang="de", back="/site/see.example")
        self.assertEqual(self.store.site_langs(), {"see.example": "de"})
        self.assertIn("Set to de.", ask(self.site, "/site/see.example").text)
        self.form("/sites", host="see.example", lang="")
        self.assertEqual(self.store.site_langs(), {})

    def test_token(self) -> None:
        """Without the token, or from another site's page, nothing changes."""
        for target, values in [
            ("/known", {"mark": "known:en:tide"}),
            ("/forget", {"what": "all_and_levels"}),
            ("/pause", {"paused": "1"}),
            ("/sites", {"host": "see.example", "lang": "de"}),
        ]:
            self.assertEqual(self.post(target, urlencode(values)).status, 401)
            self.assertEqual(self.form(target, **{**values, "token": "x"}).status, 401)
            good = urlencode({"token": self.token.of(token.FORM), **values})
            kind = "application/x-www-form-urlencoded"
            self.assertEqual(self.post(target, good, kind, "Origin: http://evil.example").status, 403)
            self.assertEqual(self.post(target, good, kind, "Sec-Fetch-Site: cross-site").status, 403)
            self.assertEqual(self.post(target, good, "text/html").status, 415)
        self.assertEqual((self.levels(), self.paused, self.store.site_langs()), ({}, [], {}))
        self.assertEqual(self.store.words(WordQuery()).total.pages, 2)


class ChangesTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """The last changes are kept, as many as may be; one that is too large can't be undone."""
        changes = Changes()
        word = Knowledge("tide", "en", "new")
        numbers = [changes.keep(said("post.undone"), [word]).number for _ in range(CHANGES_MAX + 3)]
        self.assertEqual(
            [changes.of(number) is None for number in numbers], [True] * 3 + [False] * CHANGES_MAX
        )
        self.assertEqual(changes.keep(said("post.undone"), [word] * (WORDS_MAX + 1)).before, ())
        large = changes.keep(said("post.undone"), [word] * WORDS_MAX)
        self.assertIsNotNone(changes.of(large.number))
        self.assertIsNone(changes.of(numbers[-1]))

"""The inbox: who may see it, what it shows, and what its buttons do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from netsuite.formsite.entry import Draft
from netsuite.formsite.posting import Terms
from netsuite.formsite.spam import Rules
from netsuite.formsite.uploads import Folder, Limits
from netsuite.site import token
from netsuite.site.answer import Answer
from netsuite.site.posted import Bounds
from tests.formsite.samples import Site, SiteTests, draft
from tests.site.test_posted import KIND, body, part

PATHS = ("/inbox", "/inbox.csv", "/inbox.json", "/inbox/1", "/inbox/forget", "/inbox/file/x")


class InboxCase(SiteTests):
    """A test with some answers in the store."""

    def keep(self, *drafts: Draft) -> None:
        for one in drafts or (draft(1), draft(2, spam="honeypot"), draft(3)):
            self.successResultOf(self.site.keeper.keep(one))

    def ids(self, box: str = "inbox") -> list[int]:
        answer = self.answer(self.site.ask(f"/inbox.json?box={box}"))
        return [entry["id"] for entry in json.loads(answer.body)["entries"]]

    def streamed(self, asked: Deferred[Answer]) -> str:
        """The whole of an export."""
        answer = self.answer(asked)
        assert answer.stream is not None
        taken = Taken()
        answer.stream.enter(taken)
        self.assertEqual(taken.end_of, "whole")
        return (answer.body + b"".join(taken.pieces)).decode()


class Taken:
    """Who listens to an export and takes all of it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.end_of = ""

    async def drained(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def end(self) -> None:
        self.end_of = "whole"

    def cut(self) -> None:
        self.end_of = "cut"


class EntranceTests(InboxCase):
    """Who may see it."""

    def test_this_machine(self) -> None:
        """Without a password file only this machine sees it, under a name of its own, and by no proxy."""
        self.keep()
        asked: tuple[tuple[dict[str, str], int], ...] = (
            ({}, 200),
            ({"client": "::1", "host": "[::1]:8000"}, 200),
            ({"client": "192.0.2.7"}, 403),
            ({"host": "forms.example.org"}, 403),
            ({"x_forwarded_for": "192.0.2.7"}, 403),
            ({"forwarded": "for=192.0.2.7"}, 403),
            ({"via": "1.1 web"}, 403),
        )
        for told, status in asked:
            self.assertEqual(self.answer(self.site.ask("/inbox", **told)).status, status, told)
        for path in PATHS:
            self.assertEqual(self.answer(self.site.ask(path, client="192.0.2.7")).status, 403, path)
            post = self.site.post(("token", self.site.judge.of(token.FORM)), path=path, client="192.0.2.7")
            self.assertEqual(self.answer(post).status, 403, path)

    def test_users(self) -> None:
        """With one, everybody has to log in, also on this machine; the form stays open to all."""
        self.keep()
        self.site = Site(self.where, users=Users())
        for path in PATHS:
            answer = self.answer(self.site.ask(path))
            self.assertEqual(answer.status, 401, path)
            self.assertIn("WWW-Authenticate", dict(answer.headers))
        told = {"authorization": "Basic right", "client": "192.0.2.7"}
        self.assertEqual(self.answer(self.site.ask("/inbox", **told)).status, 200)
        self.assertEqual(self.answer(self.site.ask("/", client="192.0.2.7")).status, 200)

    def test_changing_needs_the_token(self) -> None:
        """Without the token, with that of another site's page, or from one, nothing changes."""
        self.keep()
        right = ("token", self.site.judge.of(token.FORM))
        deed = (("delete", "1"), ("sure", "1"), ("id", "1"))
        for answer, status in (
            (self.site.post(*deed, path="/inbox"), 401),
            (self.site.post(("token", "wrong"), *deed, path="/inbox"), 401),
            (self.site.post(right, *deed, path="/inbox", origin="https://evil.example"), 403),
            (self.site.post(right, *deed, path="/inbox", sec_fetch_site="cross-site"), 403),
            (self.site.ask("/inbox?delete=1&sure=1&id=1"), 200),
            (self.site.post(("name", "name"), ("value", "Example 1"), path="/inbox/forget"), 401),
        ):
            self.assertEqual(self.answer(answer).status, status)
        self.assertEqual(self.ids("all"), [1, 2, 3])


class Users:
    """A password file with one user."""

    def remembered(self, credentials: bytes) -> str | None:
        return "someone" if credentials == b"Basic right" else None

    async def check(self, credentials: bytes, client: str) -> str | None:
        return None


class ListTests(InboxCase):
    """What it shows."""

    def test_boxes(self) -> None:
        """Each box has its own, with the reason of spam; the newest is first."""
        self.keep()
        page = self.text(self.site.ask("/inbox"))
        self.assertLess(page.index("Answer 3"), page.index("Answer 1"))
        self.assertNotIn("Answer 2", page)
        self.assertIn("spam: a hidden field was filled in", self.text(self.site.ask("/inbox?box=spam")))
        self.assertEqual(self.answer(self.site.ask("/inbox?box=other")).status, 400)

    def test_pages_and_search(self) -> None:
        """Fifty a page, older ones by a link; search within a box, any text."""
        self.keep(*(draft(n) for n in range(60)))
        page = self.text(self.site.ask("/inbox"))
        self.assertEqual(page.count('name="id"'), 50)
        self.assertIn('href="/inbox?before=11"', page)
        self.assertEqual(self.text(self.site.ask("/inbox?before=11")).count('name="id"'), 10)
        self.assertEqual(self.text(self.site.ask("/inbox?q=EXAMPLE+59")).count('name="id"'), 1)
        self.assertIn("Nothing was found", self.text(self.site.ask("/inbox?q=%22%3E%3Cscript%3E")))

    def test_escaped(self) -> None:
        """Whatever was sent is text here, in list, page and address."""
        bad = "<script>alert(1)</script>\"'"
        self.keep(Draft(((bad, bad),), origin=bad, spam=""))
        for path in ("/inbox", "/inbox/1", "/inbox?q=%3Cscript%3E"):
            self.assertNotIn("<script", self.text(self.site.ask(path)), path)

    def test_one(self) -> None:
        """A long value is cut in the list and whole on its own page."""
        self.keep(Draft((("text", "long " * 200 + "end"),)))
        self.assertNotIn("end<", self.text(self.site.ask("/inbox")))
        self.assertIn("end</li>", self.text(self.site.ask("/inbox/1")))
        for path in ("/inbox/2", "/inbox/x", "/inbox/", f"/inbox/{'9' * 30}"):
            self.assertEqual(self.answer(self.site.ask(path)).status, 404, path)


class DeedTests(InboxCase):
    """What its buttons do."""

    def test_marks_and_spam(self) -> None:
        """Marked, unmarked, made spam and back by one click, and the page says how many."""
        self.keep()
        for deed, ids, box, left in (
            ("mark", (1, 3), "marked", [1, 3]),
            ("unmark", (1,), "marked", [3]),
            ("spam", (1,), "spam", [1, 2]),
            ("ham", (1, 2), "inbox", [1, 2, 3]),
        ):
            answer = self.answer(self.site.deed(deed, *ids, back="/inbox?box=spam"))
            self.assertEqual((answer.status, self.ids(box)), (303, left), deed)
        location = dict(answer.headers)["Location"]
        self.assertEqual(location, "/inbox?box=spam&done=ham-2")
        self.assertIn("2 answers are in the inbox now.", self.text(self.site.ask(location)))

    def test_delete(self) -> None:
        """Deleting asks first; then it is gone."""
        self.keep()
        asked = self.answer(self.site.deed("delete", 1, 3))
        self.assertIn("Delete these 2 answers?", asked.body.decode())
        self.assertEqual(self.ids("all"), [1, 2, 3])
        self.assertEqual(self.answer(self.site.deed("delete", 1, 3, sure="1")).status, 303)
        self.assertEqual(self.ids("all"), [2])

    def test_one_person(self) -> None:
        """All answers with a value are counted, then deleted, spam too."""
        self.keep(draft(1), draft(1, spam="links"), draft(2))
        page = self.text(self.site.ask("/inbox/forget?name=name&value=Example+1"))
        self.assertIn("2 answers have this value.", page)
        fields = (("token", self.site.judge.of(token.FORM)), ("name", "name"), ("value", "Example 1"))
        self.answer(self.site.post(*fields, path="/inbox/forget"))
        self.assertEqual(self.ids("all"), [3])

    def test_nothing(self) -> None:
        """A button without ticks, ticks without a button, and nonsense are told as such."""
        self.keep()
        for asked in (
            self.site.deed("mark"),
            self.site.deed("other", 1),
            self.site.deed("mark", 0),
            self.site.post(
                ("token", self.site.judge.of(token.FORM)), ("mark", "1"), ("id", "x"), path="/inbox"
            ),
        ):
            self.assertEqual(self.answer(asked).status, 422)

    def test_back_is_ours(self) -> None:
        """It goes back to the inbox only."""
        self.keep()
        for back in ("https://evil.example/", "//evil.example", "/inbox\r\nX: y", "/other"):
            answer = self.answer(self.site.deed("mark", 1, back=back))
            self.assertEqual(dict(answer.headers)["Location"], "/inbox?done=mark-1")


class ExportTests(InboxCase):
    """What is taken out of it."""

    def test_csv(self) -> None:
        """A box as a table, spam not in that of the inbox, with a mark for spreadsheets if wanted."""
        self.keep()
        head = "id,when,spam,name,color,flavor\r\n"
        one = "1,2026-01-05T10:33:44Z,,Example 1,blue,vanilla; coffee\r\n"
        self.assertEqual(
            self.streamed(self.site.ask("/inbox.csv")),
            head + one + one.replace("1,2", "3,2", 1).replace(" 1", " 3"),
        )
        self.assertIn("2,2026-01-05T10:33:44Z,honeypot,", self.streamed(self.site.ask("/inbox.csv?box=all")))
        split = self.streamed(self.site.ask("/inbox.csv?split=1&bom=1"))
        self.assertTrue(split.startswith("\ufeffid,when,spam,name,color,flavor,flavor_2\r\n"))

    def test_json(self) -> None:
        """A page of it by number and limit, or all."""
        self.keep()
        told = json.loads(self.answer(self.site.ask("/inbox.json?box=all&limit=2")).body)
        self.assertEqual(([entry["id"] for entry in told["entries"]], told["next_since"]), ([1, 2], 2))
        rest = json.loads(self.answer(self.site.ask("/inbox.json?box=all&limit=2&since=2")).body)
        self.assertEqual(([entry["id"] for entry in rest["entries"]], rest["next_since"]), ([3], None))
        self.assertEqual(
            told["entries"][0]["fields"],
            {"name": ["Example 1"], "color": ["blue"], "flavor": ["vanilla", "coffee"]},
        )
        whole = json.loads(self.streamed(self.site.ask("/inbox.json?box=all&limit=0")))
        self.assertEqual(whole["entries"], told["entries"] + rest["entries"])
        empty = json.loads(self.streamed(self.site.ask("/inbox.json?limit=0&since=9")))
        self.assertEqual(empty, {"entries": [], "next_since": None})

    def test_broken(self) -> None:
        """An export in which the store fails is cut, not ended."""
        self.keep(*(draft(n) for n in range(5)))
        answer = self.answer(self.site.ask("/inbox.csv"))
        self.patch(self.site.keeper, "_answer", lambda question: 1 / 0)
        taken = Taken()
        assert answer.stream is not None
        answer.stream.enter(taken)
        self.assertEqual(taken.end_of, "cut")
        self.flushLoggedErrors(ZeroDivisionError)


class UploadTests(InboxCase):
    """Files that come with answers."""

    def setUp(self) -> None:
        super().setUp()
        self.place = self.mktemp()
        terms = Terms(
            rules=Rules(min_seconds=0), bounds=Bounds(files=2), files=Limits(2, 100, ("html", "txt"))
        )
        folder = Folder(self.place)
        folder.prepare(set())
        self.site = Site(self.where, terms, folder=folder)

    def send(self, *parts: bytes, **more: Any) -> Answer:
        name, stamp = self.site.stamp()
        content = body(part(name, stamp.encode()), *parts)
        return self.answer(self.site.ask("/posthandler", "POST", content, content_type=KIND, **more))

    def test_fetched_back(self) -> None:
        """A page and a name that leads out of the folder come back as something to save, from inside it."""
        page = b"<script>alert(1)</script>"
        self.assertEqual(self.send(part("doc", page, "../../x y.html", "text/html")).status, 200)
        (entry,) = self.kept()
        (file,) = entry.files
        self.assertEqual((file.field, file.name, file.size), ("doc", "../../x y.html", len(page)))
        self.assertRegex(file.stored, r"^[0-9a-f]{32}\.upload$")
        answer = self.answer(self.site.ask(f"/inbox/file/{file.stored}"))
        self.assertEqual((answer.body, answer.kind), (page, "application/octet-stream"))
        self.assertEqual(
            dict(answer.headers)["Content-Disposition"], "attachment; filename*=UTF-8''..%2F..%2Fx%20y.html"
        )
        for other in ("../forms.db", "..%2Fforms.db", "0" * 32 + ".upload", file.stored + "x"):
            self.assertEqual(self.answer(self.site.ask(f"/inbox/file/{other}")).status, 404, other)

    def test_limits(self) -> None:
        """Too many, too large, of another kind: 422, and no file stays."""
        small = part("doc", b"x", "a.txt")
        for parts in (
            (small, small, small),
            (part("doc", b"x" * 101, "a.txt"),),
            (part("doc", b"x", "a.exe"),),
        ):
            self.assertEqual(self.send(*parts).status, 422)
        self.site.folder = None
        self.assertEqual(self.send(small).status, 422)
        self.assertEqual(self.stored(), [])

    def test_gone_with_its_answer(self) -> None:
        """A double leaves no second file; deleting the answer deletes the file."""
        stamp = self.site.stamp()
        content = body(part(stamp[0], stamp[1].encode()), part("doc", b"x", "a.txt"))
        for _ in range(2):
            self.answer(self.site.ask("/posthandler", "POST", content, content_type=KIND))
        self.assertEqual(len(self.stored()), 1)
        self.answer(self.site.deed("delete", 1, sure="1"))
        self.assertEqual(self.stored(), [])

    def test_not_kept(self) -> None:
        """Where the answer can't be kept, its file isn't either."""
        self.site.terms = replace(self.site.terms)
        self.patch(self.site.keeper, "keep", lambda draft: 1 / 0)
        self.assertEqual(self.send(part("doc", b"x", "a.txt")).status, 500)
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(self.stored(), [])

    def stored(self) -> list[str]:
        return os.listdir(self.place)

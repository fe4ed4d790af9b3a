"""What a visitor sees, and what of it is kept."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import fail

from netsuite.formsite.form import Field, Form
from netsuite.formsite.posting import Terms
from netsuite.formsite.spam import Rules
from netsuite.site.posted import Bounds
from netsuite.storefile import StoreFault
from tests.formsite.samples import Site, SiteTests, hidden

ANSWERS = (("name", "Example"), ("color", "blue"), ("flavor", "vanilla"), ("flavor", "coffee"))


class TutorialTests(SiteTests):
    """The tutorial's form and page, text for text."""

    def test_form(self) -> None:
        """The form has the tutorial's title, labels, fields and values, and posts to /posthandler."""
        page = html.unescape(self.text(self.site.ask("/")))
        self.assertIn("<title>Form Test</title>", page)
        for text in (
            'action="/posthandler" method="post"',
            ">Your Name:<",
            'name="name"',
            ">What's your favorite color?<",
            ">What kinds of ice cream do you like?<",
            *(f'type="radio" name="color" value="{one}"> {one.title()}<' for one in ("red", "blue", "green")),
            *(
                f'type="checkbox" name="flavor" value="{one}"> {one.title()}<'
                for one in ("vanilla", "chocolate", "strawberry", "coffee")
            ),
        ):
            self.assertIn(text, page)

    def test_posted(self) -> None:
        """Both paths list what was posted, each field once, each value once, in the order that it came in."""
        for path in ("/posthandler", "/formhandler"):
            page = self.text(self.site.post(*ANSWERS, self.site.stamp(), path=path))
            self.assertIn("<title>Posted Form Data</title>", page)
            self.assertIn("<h1>Form Data</h1>", page)
            self.assertIn(
                "<h2>name</h2>\n<ul>\n<li>Example</li>\n</ul>\n"
                "<h2>color</h2>\n<ul>\n<li>blue</li>\n</ul>\n"
                "<h2>flavor</h2>\n<ul>\n<li>vanilla</li>\n<li>coffee</li>\n</ul>\n",
                page,
            )

    def test_query(self) -> None:
        """GET with a query shows the same and keeps nothing."""
        page = self.text(self.site.ask("/formhandler?flavor=coffee&name=A&flavor=vanilla"))
        self.assertIn("<h2>flavor</h2>\n<ul>\n<li>coffee</li>\n<li>vanilla</li>\n</ul>\n<h2>name</h2>", page)
        self.answer(self.site.ask("/"))
        self.answer(self.site.post(*ANSWERS, self.site.stamp()))
        self.assertEqual(len(self.kept()), 1)

    def test_elsewhere(self) -> None:
        """Any other path is not found."""
        self.assertEqual(self.answer(self.site.ask("/nowhere")).status, 404)

    def test_escaped(self) -> None:
        """Names and values are shown as text, whatever they are."""
        page = self.text(self.site.post(("<script>a</script>", "<script>b</script>"), self.site.stamp()))
        self.assertNotIn("<script>", page)
        self.assertIn("&lt;script&gt;a", page)
        self.assertIn("&lt;script&gt;b", page)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), min_size=1, max_size=8))
    def test_any_text(self, pairs: list[tuple[str, str]]) -> None:
        """Whatever text is typed is kept and shown; line ends are LF, NUL is U+FFFD."""
        pairs = [(name.lstrip("_"), value) for name, value in pairs]
        site = Site(":memory:")
        page = self.text(site.post(*pairs, site.stamp()))
        self.assertIn("Thank you.", page)

        def lines(text: str) -> str:
            return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")

        (entry,) = self.successResultOf(site.keeper.ask(lambda store: store.after(0, 9, "all")))
        fields = [(name, value) for name, value in pairs if name or value]
        self.assertEqual(
            [pair for pair in entry.fields if pair != ("", "")],
            [(lines(name), lines(value)) for name, value in fields],
        )


class KeepingTests(SiteTests):
    """Nobody is thanked before the answer is on the disk."""

    def test_after_the_flush(self) -> None:
        """The page comes after the transaction, and not before."""
        self.site.writing.hold()
        asked = self.site.post(*ANSWERS, self.site.stamp())
        self.assertNoResult(asked)
        self.site.writing.go_on()
        self.assertIn("Thank you.", self.text(asked))
        self.assertEqual(self.kept()[0].fields, ANSWERS)

    def test_faults(self) -> None:
        """Where there is no room it is 507, else 503: nobody is thanked, what was typed can be sent again."""
        for is_full, status in ((True, 507), (False, 503)):
            self.patch(self.site.keeper, "keep", lambda draft, f=is_full: fail(StoreFault("x", is_full=f)))
            answer = self.answer(self.site.post(*ANSWERS, self.site.stamp()))
            self.assertEqual(answer.status, status)
            page = answer.body.decode()
            self.assertNotIn("Thank", page)
            self.assertEqual([pair for pair in hidden(page) if pair[0] != "_stamp"], list(ANSWERS))

    def test_a_full_store(self) -> None:
        """A store at its bound answers 507, and what it has stays whole."""
        site = Site(self.where, Terms(rules=Rules(min_seconds=0)), max_bytes=150_000)
        kept, status = 0, 200
        while status == 200 and kept < 1000:
            status = self.answer(site.post(*[("text", "y" * 5000)] * 9, site.stamp())).status
            kept += status == 200
        self.assertEqual((status, len(self.kept())), (507, kept))
        self.assertGreater(kept, 0)

    def test_busy(self) -> None:
        """Who comes when too many wait is told so, and can send again."""
        self.patch(self.site.keeper, "_pending", {object() for _ in range(5000)})
        answer = self.answer(self.site.post(*ANSWERS, self.site.stamp()))
        self.assertEqual(answer.status, 503)
        self.assertIn("Example", answer.body.decode())


class DoubleTests(SiteTests):
    """One form that was filled in is one answer."""

    def test_double_click(self) -> None:
        """The same stamp with the same answers is kept once, and the page says so."""
        stamp = self.site.stamp()
        self.assertIn("Thank you.", self.text(self.site.post(*ANSWERS, stamp)))
        again = self.answer(self.site.post(*ANSWERS, stamp))
        self.assertEqual(again.status, 200)
        self.assertIn("sent already, at 2026-01-05T10:33:44Z", again.body.decode())
        self.assertEqual(len(self.kept()), 1)

    def test_at_once(self) -> None:
        """Two clicks that wait together are one answer, too."""
        self.site.writing.hold()
        stamp = self.site.stamp()
        both = [self.site.post(*ANSWERS, stamp), self.site.post(*ANSWERS, stamp)]
        self.site.writing.go_on()
        self.assertEqual([self.answer(one).status for one in both], [200, 200])
        self.assertEqual(len(self.kept()), 1)

    def test_changed(self) -> None:
        """Back, changed and sent again: the page asks, and one more click keeps both."""
        stamp = self.site.stamp()
        self.answer(self.site.post(*ANSWERS, stamp))
        changed = self.answer(self.site.post(("name", "Another"), stamp))
        self.assertEqual(changed.status, 409)
        self.assertEqual(len(self.kept()), 1)
        self.answer(self.site.post(*hidden(changed.body.decode())))
        self.assertEqual([entry.fields[0][1] for entry in self.kept()], ["Example", "Another"])

    def test_keys(self) -> None:
        """A sender without our form has its own key, in a header or a field."""
        self.site.terms = replace(self.site.terms, origins=("*",))
        for _ in range(2):
            self.answer(self.site.post(*ANSWERS, idempotency_key="one"))
            self.answer(self.site.post(*ANSWERS, ("_key", "two")))
        self.assertEqual([entry.fields for entry in self.kept()], [ANSWERS, ANSWERS])


class WhereFromTests(SiteTests):
    """Who may post: our own form, and pages of sites that were allowed."""

    def test_no_stamp(self) -> None:
        """Without a stamp, with a wrong or an old one, it is 403; what was typed needs one more click."""
        old = self.site.stamp(age=90_000)
        forged = ("_stamp", self.site.stamp()[1][:-1] + "x")
        for stamp in ((), (old,), (forged,)):
            answer = self.answer(self.site.post(*ANSWERS, *stamp))
            self.assertEqual(answer.status, 403)
        self.answer(self.site.post(("name", "unblock"), self.site.stamp()))
        self.assertEqual(len(self.kept()), 1)
        page = answer.body.decode()
        self.assertIn("Thank you.", self.text(self.site.post(*hidden(page))))
        self.assertEqual(self.kept()[1].fields, ANSWERS)

    def test_foreign_pages(self) -> None:
        """A page of another site is refused, even with a stamp that is right."""
        for told in (
            {"origin": "https://evil.example"},
            {"sec_fetch_site": "cross-site"},
            {"origin": "null", "sec_fetch_site": "cross-site"},
        ):
            answer = self.answer(self.site.post(*ANSWERS, self.site.stamp(), **told))
            self.assertEqual(answer.status, 403, told)
            self.assertNotIn("<form", answer.body.decode())

    def test_allowed(self) -> None:
        """A page of an allowed origin needs no stamp; its scripts may read the answer; no other's may."""
        self.site.terms = replace(self.site.terms, origins=("https://www.example.org",))
        told = {"origin": "https://www.example.org", "sec_fetch_site": "cross-site"}
        answer = self.answer(self.site.post(("any", "thing"), accept="application/json", **told))
        self.assertEqual((answer.status, answer.body), (200, b'{"ok":true,"again":false}\n'))
        self.assertIn(("Access-Control-Allow-Origin", "https://www.example.org"), answer.headers)
        self.assertEqual(self.kept()[0].origin, "https://www.example.org")
        other = self.answer(self.site.post(("any", "thing"), origin="https://www.example.org.evil.example"))
        self.assertEqual(other.status, 403)
        self.assertNotIn("Access-Control-Allow-Origin", dict(other.headers))

    def test_anywhere(self) -> None:
        """With * anybody posts from anywhere, also a program that says nothing of itself."""
        self.site.terms = replace(self.site.terms, origins=("*",))
        self.assertEqual(self.answer(self.site.post(*ANSWERS)).status, 200)

    def test_next(self) -> None:
        """After a post it goes on to a path of ours or an allowed origin, and nowhere else."""
        self.site.terms = replace(self.site.terms, origins=("https://www.example.org",))
        for target, goes in (
            ("https://www.example.org/thanks?a=b", True),
            ("/?ui=en", True),
            ("https://evil.example/", False),
            ("//evil.example/", False),
            ("/\\evil.example/", False),
            ("https://www.example.org@evil.example/", False),
            ("https://www.example.org.evil.example/", False),
            ("https:/\t/evil.example", False),
            ("javascript:alert(1)", False),
            ("/a\r\nSet-Cookie: a=b", False),
        ):
            answer = self.answer(self.site.post(("name", target), ("_next", target), self.site.stamp()))
            location = dict(answer.headers).get("Location")
            self.assertEqual((answer.status, location), (303, target) if goes else (200, None), target)
        self.assertEqual(len(self.kept()), 10)
        self.assertTrue(all(name != "_next" for entry in self.kept() for name, _ in entry.fields))


class SpamTests(SiteTests):
    """Spam is flagged, never lost, and its sender sees what others see."""

    def test_flagged(self) -> None:
        """Each reason is kept with the answer; the page is the same as for others."""
        self.site.terms = Terms(rules=Rules(max_links=2, rate=5))
        links = ("text", "http://a.example https://b.example <a href=c>")
        self.answer(self.site.post(("name", "good"), self.site.stamp()))
        good = self.text(self.site.post(("name", "same"), self.site.stamp()))
        for fields, age in (
            ((("name", "same"), ("_gotcha", "filled by a password manager")), 10),
            ((("name", "same"),), 1),
        ):
            self.assertEqual(self.text(self.site.post(*fields, self.site.stamp(age))), good)
        self.answer(self.site.post(links, self.site.stamp()))
        for _ in range(6):
            self.answer(self.site.post(("name", "x"), self.site.stamp(), client="192.0.2.7"))
        self.assertEqual(
            [entry.spam for entry in self.kept()],
            ["", "", "honeypot", "too fast", "links", "", "", "", "", "", "rate"],
        )
        self.assertNotIn("password manager", str(self.kept()))


class FormTests(SiteTests):
    """A form of one's own."""

    terms = Terms(
        Form(
            "Sign up",
            (
                Field("email", "Mail", "email", required=True),
                Field("meal", "Meal", "select", ("soup", "salad"), required=True),
                Field("days", "Days", "checkbox", ("sat", "sun")),
                Field("note", "Note", "textarea", max_length=10, hint="Anything"),
                Field("ok", "I agree", "consent", required=True),
            ),
            intro="Come & see",
            thanks="See you <soon>.",
            lang="de",
        ),
        rules=Rules(min_seconds=0),
    )
    GOOD = (("email", "a@example.org"), ("meal", "soup"), ("days", "sat"), ("days", "sun"), ("ok", "yes"))

    def test_kept(self) -> None:
        """What is right is kept, and the form's own thanks are said."""
        page = self.text(self.site.post(*self.GOOD, self.site.stamp()))
        self.assertIn("See you &lt;soon&gt;.", page)
        self.assertEqual(self.kept()[0].fields, self.GOOD)

    def test_errors(self) -> None:
        """What is wrong is 422: said beside the fields, with all that was typed, and kept once mended."""
        stamp = self.site.stamp()
        typed = (
            ("email", "nobody"),
            ("meal", "steak"),
            ("days", "sun"),
            ("note", "much too long"),
            ("x", "1"),
        )
        answer = self.answer(self.site.post(*typed, stamp))
        page = answer.body.decode()
        self.assertEqual(answer.status, 422)
        self.assertIn("4 answers can’t be taken", page)
        for text in (
            'value="nobody"',
            'value="sun" checked',
            ">\nmuch too long</textarea>",
            "this is no mail address.",
            "this was not offered.",
            "at most 10 characters are taken.",
            "an answer is needed.",
            'aria-invalid="true"',
            'href="#field-0"',
            'aria-describedby="hint-3 fault-3"',
        ):
            self.assertIn(text, page)
        self.assertIn(("x", "1"), hidden(page))
        self.assertIn(stamp, hidden(page))
        self.answer(self.site.post(*self.GOOD, stamp))
        self.assertEqual([entry.fields for entry in self.kept()], [self.GOOD])

    def test_errors_for_programs(self) -> None:
        """A script is told the same in JSON."""
        answer = self.answer(self.site.post(*self.GOOD[1:], self.site.stamp(), accept="application/json"))
        self.assertEqual(answer.status, 422)
        self.assertIn(b'"fields":{"email":"an answer is needed."}', answer.body)

    def test_rules_hold_for_all(self) -> None:
        """The rules hold for pages of other sites, too."""
        self.site.terms = replace(self.site.terms, origins=("https://www.example.org",))
        answer = self.answer(self.site.post(("meal", "soup"), origin="https://www.example.org"))
        self.assertEqual(answer.status, 422)


class GetTests(SiteTests):
    """A form that is sent by GET."""

    terms = Terms(method="GET", rules=Rules(min_seconds=0))

    def test_kept_once(self) -> None:
        """With its stamp the query is kept, once, however often it is loaded; not if it is fetched ahead."""
        name, stamp = self.site.stamp()
        target = f"/posthandler?name=Example&{name}={stamp}"
        self.answer(self.site.ask(target, sec_purpose="prefetch"))
        self.answer(self.site.ask(target, "HEAD"))
        for _ in range(2):
            self.assertIn("<h2>name</h2>", self.text(self.site.ask(target)))
        self.assertIn("Nothing was kept", self.text(self.site.ask("/posthandler?name=Example")))
        self.assertEqual([entry.fields for entry in self.kept()], [(("name", "Example"),)])


class BadTests(SiteTests):
    """What is no form, or too much of one, is refused with a reason."""

    def refused(self, body: bytes, kind: str, **more: Any) -> int:
        answer = self.answer(self.site.ask("/posthandler", "POST", body, content_type=kind, **more))
        self.assertIn(b"<p>", answer.body)
        return answer.status

    def test_kinds(self) -> None:
        """Only the two forms of forms are read."""
        self.assertEqual(self.refused(b"{}", "application/json"[:15]), 415)
        self.assertEqual(self.refused(b"", "text/plain"), 415)
        self.assertEqual(self.refused(b"", "multipart/form-data"), 400)
        self.assertEqual(self.refused(b"no parts", "multipart/form-data; boundary=x"), 400)

    def test_bounds(self) -> None:
        """Fields, names and text have bounds."""
        self.site.terms = replace(self.site.terms, bounds=Bounds(fields=3, text=100))
        kind = "application/x-www-form-urlencoded"
        self.assertEqual(self.refused(b"a=1&a=2&a=3&a=4", kind), 413)
        self.assertEqual(self.refused(b"a=" + b"x" * 99, kind), 413)
        self.site.terms = replace(self.site.terms, bounds=Bounds())
        self.assertEqual(self.refused(b"a" * 201 + b"=1", kind), 400)

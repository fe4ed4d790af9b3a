"""The checker's JSON, and what broke it: nothing is believed that does not stand there."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate import nu
from netsuite.validate.local import Ran, judge
from netsuite.validate.message import Failed, Found, Grade

VERSION = "26.9.27 (c6ba02c)"


def said(*messages: dict[str, Any]) -> str:
    """The checker's answer."""
    return json.dumps({"version": VERSION, "messages": list(messages)}, ensure_ascii=False)


def error(name: str = "1.html", text: str = "Duplicate ID “a”.", **more: Any) -> dict[str, Any]:
    """An error on line 2, columns 3 to 9."""
    place = {"lastLine": 2, "firstColumn": 3, "lastColumn": 9, **more}
    return {"type": "error", "url": f"file:/tmp/x/{name}", "message": text, **place}


class ReadTests(SynchronousTestCase):
    """One answer."""

    def test_messages(self) -> None:
        """Errors, warnings and remarks have their places, and plain quotes."""
        warning = error(type="info", subType="warning", firstLine=1)
        spoken = nu.read(said(error(), warning, error("2.html", type="info")))
        found = spoken.of("1.html")
        assert isinstance(found, Found)
        self.assertEqual(
            [(m.grade, m.text, m.line, m.column, m.last_line, m.last_column) for m in found.messages],
            [
                (Grade.ERROR, 'Duplicate ID "a".', 2, 3, 2, 9),
                (Grade.WARNING, 'Duplicate ID "a".', 1, 3, 2, 9),
            ],
        )
        other = spoken.of("2.html")
        assert isinstance(other, Found)
        self.assertEqual([m.grade for m in other.messages], [Grade.INFO])

    def test_space_before(self) -> None:
        """White space that the checker takes for a part of a tag is none: the place is the tag's."""
        place = {"firstLine": 2, "lastLine": 3, "firstColumn": 16, "lastColumn": 24, "hiliteStart": 10}
        entry = error(**place, extract="l lang=ja>\n<meta charset=shift_jis>\n")
        found = nu.read(said(entry)).of("1.html")
        assert isinstance(found, Found)
        self.assertEqual(found.messages[0].place, (3, 1))

    def test_any_cut(self) -> None:
        """An answer that is cut anywhere is none."""
        whole = said(error(), error("2.html"))
        for cut in range(len(whole)):
            with self.assertRaises(nu.Unreadable, msg=str(cut)):
                nu.read(whole[:cut])

    def test_around_it(self) -> None:
        """What Java says before is passed over; what comes after makes the answer unreadable."""
        nu.read("Picked up JAVA_TOOL_OPTIONS: -Dx\n" + said())
        with self.assertRaises(nu.Unreadable):
            nu.read(said() + "\nException in thread main")

    def test_no_answers(self) -> None:
        """JSON that is something else, and messages that are none, are no answer."""
        for text in (
            "{}",
            "[]",
            "",
            '{"messages":{}}',
            said({"type": "hello", "message": "x"}),
            said({"type": "error"}),
        ):
            with self.assertRaises(nu.Unreadable, msg=text):
                nu.read(text)

    def test_not_checked(self) -> None:
        """The checker's own trouble, and a file that it did not find, are no verdict (#1997)."""
        missing = error(type="info", subType="warning", text="File not found.")
        io = error("2.html", type="non-document-error", subType="io", text="HTTP resource not retrievable.")
        spoken = nu.read(said(missing, io))
        for name in ("1.html", "2.html"):
            self.assertIsInstance(spoken.of(name), Failed, name)
        nowhere = nu.read(said({"type": "non-document-error", "message": "Out of schemas"}))
        self.assertIsInstance(nowhere.of("3.html"), Failed)

    @settings(deadline=None, max_examples=100)
    @given(
        st.text()
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda s: (
                st.lists(s)
                | st.dictionaries(st.sampled_from(["messages", "type", "message", "lastLine", "url"]), s)
            ),
        ).map(json.dumps)
    )
    def test_anything(self, text: str) -> None:
        """Whatever comes is an answer or Unreadable."""
        with contextlib.suppress(nu.Unreadable):
            nu.read(text)

    def test_bound(self) -> None:
        """Of one document so many messages are kept, and no more."""
        found = nu.read(said(*[error()] * (nu.MESSAGES_MAX + 7))).of("1.html")
        assert isinstance(found, Found)
        self.assertEqual(len(found.messages), nu.MESSAGES_MAX)


class TroubleTests(SynchronousTestCase):
    """Why there is no answer."""

    def test_texts(self) -> None:
        """An old Java, too little memory and the like have sentences of their own."""
        for wrote, told in (
            (
                "Error: LinkageError\njava.lang.UnsupportedClassVersionError: nu/validator",
                "Java is too old",
            ),
            ("java.lang.OutOfMemoryError: Java heap space", "memory"),
            ("StackOverflowError while evaluating HTML schema.", "nested too deeply"),
            ("Error: Unable to access jarfile x.jar", "no program that Java can run"),
            ('Picked up X\nException in thread "main" foo.Bar: baz', "foo.Bar: baz"),
            ('{"version":"x","messages":[{', "broke off"),
            ("", "without an answer"),
        ):
            self.assertIn(told, nu.trouble(wrote))


class JudgeTests(SynchronousTestCase):
    """One process for several documents."""

    NAMES = ("1.html", "2.html", "3.html")

    def test_all_said(self) -> None:
        """A document that was opened and of which nothing was said has no messages."""
        answers, again, _ = judge(self.NAMES, Ran(self.NAMES, said(error("2.html"))))
        self.assertEqual((answers["1.html"], again), (Found((), VERSION), []))
        self.assertEqual(len(answers["2.html"].messages), 1)  # type: ignore[union-attr]

    def test_not_opened(self) -> None:
        """A document that the checker did not open has no verdict, though nothing was said against it."""
        answers, _, _ = judge(self.NAMES, Ran(("1.html", "3.html"), said()))
        self.assertIsInstance(answers["2.html"], Failed)
        self.assertIsInstance(answers["3.html"], Found)

    def test_broken_by_one(self) -> None:
        """Whoever broke the answer is asked about alone, and those before and after it again."""
        wrote = said()[:-2] + '"file:/tmp/x/2.html":-1:-1: warning: Malformed UTF-16!\n'
        wrote = wrote.replace('"file', '\n"file')
        answers, again, why = judge(self.NAMES, Ran(self.NAMES, wrote))
        self.assertEqual(
            (answers, [list(part) for part in again]), ({}, [["1.html"], ["2.html"], ["3.html"]])
        )
        self.assertEqual(why, "Malformed UTF-16!")

    def test_broken_alone(self) -> None:
        """A document that breaks the checker alone has no verdict, and why is told."""
        answers, again, _ = judge(("2.html",), Ran(("2.html",), "java.lang.OutOfMemoryError"))
        self.assertEqual(
            (again, answers["2.html"]),
            ([], Failed("unknown", "the checker broke over it: it ran out of memory")),
        )

    def test_silence(self) -> None:
        """Who was being read when time was up has no verdict; the others are asked about again."""
        answers, again, _ = judge(self.NAMES, Ran(("1.html", "2.html"), "", "it did not finish within 1 s"))
        self.assertIn("did not finish within 1 s", answers["2.html"].text)  # type: ignore[union-attr]
        self.assertEqual([list(part) for part in again], [["1.html"], ["3.html"]])

    def test_too_long(self) -> None:
        """Where all together said too much they are asked about in parts; one alone has no verdict."""
        why = "its answer is longer than 64 MiB"
        answers, again, _ = judge(self.NAMES, Ran(self.NAMES, "", why, too_long=True))
        self.assertEqual((answers, [list(part) for part in again]), ({}, [["1.html"], ["2.html", "3.html"]]))
        answers, again, _ = judge(("1.html",), Ran(("1.html",), "", why, too_long=True))
        self.assertEqual((again, set(answers)), ([], {"1.html"}))

    def test_never_begun(self) -> None:
        """A checker that did not begin says nothing of any document, and is not started again."""
        answers, again, _ = judge(self.NAMES, Ran((), "Error: Invalid or corrupt jarfile x.jar"))
        self.assertEqual((set(map(type, answers.values())), again), ({Failed}, []))

"""From messages to a verdict: what is ignored, what is old, what fails."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate import baseline, rules
from netsuite.validate.message import Failed, Found, Grade, Message, Strictness, Verdict, report_on

ERROR = Message(Grade.ERROR, 'Duplicate ID "a".', 2, 3, 2, 9, "<p id=a>")
WARNING = Message(Grade.WARNING, "Consider a heading.", 1, 1)
INFO = Message(Grade.INFO, "Trailing slash.", 9, 1)

messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(Grade),
        st.sampled_from(["a", "b", "at line 3, column 4: c"]),
        st.integers(0, 50),
        st.integers(0, 50),
        extract=st.sampled_from(["", "x", "y"]),
    ),
    max_size=12,
)


class VerdictTests(SynchronousTestCase):
    """One document."""

    def verdict(self, *found: Message, **strict: bool) -> Verdict:
        """The verdict on a document with these messages."""
        return report_on("a", Found(found), Strictness(**strict)).verdict

    def test_grades(self) -> None:
        """Errors fail, warnings where asked to, remarks never."""
        self.assertEqual(self.verdict(), Verdict.VALID)
        self.assertEqual(self.verdict(WARNING, INFO), Verdict.VALID)
        self.assertEqual(self.verdict(WARNING, warnings_fail=True), Verdict.INVALID)
        self.assertEqual(self.verdict(INFO, warnings_fail=True), Verdict.VALID)
        self.assertEqual(self.verdict(ERROR), Verdict.INVALID)
        self.assertEqual(self.verdict(WARNING, errors_only=True, warnings_fail=True), Verdict.VALID)

    def test_order(self) -> None:
        """Messages are told in the document's order, whatever the checker's."""
        report = report_on("a", Found((INFO, ERROR, WARNING)), Strictness())
        self.assertEqual(report.messages, (WARNING, ERROR, INFO))
        self.assertEqual(
            report_on("a", Found((INFO, ERROR)), Strictness(errors_only=True)).messages, (ERROR,)
        )

    def test_no_verdict(self) -> None:
        """What could not be judged is never valid, and has its cause and its text."""
        for cause, verdict in (
            ("declined", Verdict.DECLINED),
            ("unknown", Verdict.UNREADABLE),
            ("lost", Verdict.UNREADABLE),
        ):
            report = report_on("a", Failed(cause, "why"), Strictness())
            self.assertEqual((report.verdict, report.cause, report.why), (verdict, cause, "why"))

    def test_partial(self) -> None:
        """A check that is not whole says invalid or nothing."""
        report = report_on("a", Found((), whole=False), Strictness())
        self.assertEqual((report.verdict, report.cause), (Verdict.PARTIAL, "unknown"))
        self.assertEqual(report_on("a", Found((ERROR,), whole=False), Strictness()).verdict, Verdict.INVALID)


class RuleTests(SynchronousTestCase):
    """What is left out."""

    def test_rules(self) -> None:
        """A rule that fits leaves the message out; one of a file that fits nothing is unused."""
        found = [*rules.from_file("f", "# why\nDuplicate\n\n  Nonsense \n"), rules.rule("nothing either")]
        ignored = rules.Ignored(tuple(found))
        self.assertEqual(ignored.keep([ERROR, WARNING]), (WARNING,))
        self.assertEqual([rule.place for rule in ignored.unused()], ["f:4"])

    def test_two_fit(self) -> None:
        """Two rules that fit one message are both used."""
        ignored = rules.Ignored(tuple(rules.from_file("f", "Duplicate\nID")))
        ignored.keep([ERROR])
        self.assertEqual(ignored.unused(), [])

    def test_faults(self) -> None:
        """What is no expression is refused with its line; so are too many and too long ones."""
        with self.assertRaisesRegex(rules.BadRule, "f:2: '\\[' is no regular expression"):
            rules.from_file("f", "a\n[\n")
        for text in ("x\n" * (rules.RULES_MAX + 1), "x" * (rules.RULE_MAX + 1)):
            with self.assertRaises(rules.BadRule):
                rules.from_file("f", text)


class BaselineTests(SynchronousTestCase):
    """What is new."""

    def new(self, found: list[Message], known: list[Message]) -> list[Message]:
        """The messages that are new."""
        marked = baseline.marked(found, [baseline.key(message) for message in known])
        return [message for message in marked if not message.old]

    @settings(deadline=None, max_examples=100)
    @given(messages, st.integers(0, 20))
    def test_moved(self, known: list[Message], lines: int) -> None:
        """Old messages stay old, however far they moved."""
        moved = [replace(message, line=message.line + lines) for message in known]
        self.assertEqual(self.new(moved, known), [])

    @settings(deadline=None, max_examples=100)
    @given(messages, messages)
    def test_one_new(self, known: list[Message], rest: list[Message]) -> None:
        """So many are new as there are more than before, counted by what they say."""
        new = self.new([*known, *rest], known)
        self.assertEqual(sorted(baseline.key(m)[0] for m in new), sorted(baseline.key(m)[0] for m in rest))

    def test_which(self) -> None:
        """Of two that read alike the one with the unchanged source is the old one."""
        other = replace(ERROR, line=1, extract="<b id=a>")
        self.assertEqual(self.new([other, ERROR], [ERROR]), [other])

    @settings(deadline=None, max_examples=50)
    @given(st.dictionaries(st.text(max_size=5), messages, max_size=4))
    def test_file(self, files: dict[str, list[Message]]) -> None:
        """A baseline that was written is read as it was."""
        told = {name: sorted(map(baseline.key, found)) for name, found in files.items() if found}
        self.assertEqual(baseline.read(baseline.write(told)), told)

    def test_no_baseline(self) -> None:
        """What is no baseline is refused."""
        for text in (
            "",
            "[]",
            "{}",
            json.dumps({"form": "x", "files": {}}),
            json.dumps({"form": baseline.FORM}),
            json.dumps({"form": baseline.FORM, "files": {"a": [1]}}),
        ):
            with self.assertRaises(baseline.BadBaseline, msg=text):
                baseline.read(text)

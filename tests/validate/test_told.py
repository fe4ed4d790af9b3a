"""Formats: each is read back by a reader of its own."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import turbohtml
from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate import formats
from netsuite.validate.junit import junit
from netsuite.validate.message import Grade, Message, Report, Verdict
from netsuite.validate.page import framed, page
from netsuite.validate.sarif import rule_of, sarif, uri

BAD = Message(Grade.ERROR, 'Duplicate ID "<main>".\x07', 12, 5, 12, 14, '<p id="<main>">')
HINT = Message(Grade.WARNING, "Consider\x1b[31m it.", 3, 1)
OLD = Message(Grade.ERROR, "Known.", 1, 1, old=True)
REPORTS = (
    Report("good.html", Verdict.VALID, (HINT,)),
    Report("a b/bad.html", Verdict.INVALID, (OLD, BAD), cause="no"),
    Report("gone.html", Verdict.UNREADABLE, (), "No such file", "local"),
    Report("x.html", Verdict.DECLINED, (), "the service will not", "declined"),
)
BOTH = (
    "4 documents: 1 valid, 1 invalid, 1 declined, 1 unreadable; "
    "1 error, 1 warning, 1 of the baseline (Nu, local)"
)


class TextTests(SynchronousTestCase):
    """For people."""

    def test_one(self) -> None:
        """The features' example, line for line."""
        message = Message(Grade.ERROR, 'Duplicate ID "main".', 12, 5)
        lines = list(
            formats.text([Report("test.html", Verdict.INVALID, (message,), cause="no")], "Nu, local")
        )
        self.assertEqual(
            lines, ['test.html:12:5: error: Duplicate ID "main".', "1 error, 0 warnings (Nu, local)"]
        )

    def test_valid(self) -> None:
        """A document that is valid is called that."""
        lines = list(formats.text([Report("test.html", Verdict.VALID)], "Nu, local"))
        self.assertEqual(lines, ["test.html: valid", "0 errors, 0 warnings (Nu, local)"])

    def test_several(self) -> None:
        """Of several, new messages and who had no verdict; then how many are what."""
        lines = list(formats.text(REPORTS, "Nu, local"))
        self.assertEqual(len(lines), 5)
        self.assertIn("gone.html: unreadable: No such file", lines)
        self.assertEqual(lines[-1], BOTH)

    def test_gnu(self) -> None:
        """Each line is one of the GNU Coding Standards' forms."""
        lines = list(formats.gnu(REPORTS))
        form = re.compile(
            r"[^:]+:(\d+\.\d+(-\d+\.\d+)?:)? (error|warning|unreadable|declined): .+", re.DOTALL
        )
        self.assertEqual([line for line in lines if not form.fullmatch(line)], [])
        self.assertTrue(lines[1].startswith("a b/bad.html:12.5-12.14: error: "))

    def test_object(self) -> None:
        """The features' JSON, key for key."""
        told = formats.as_object(REPORTS[1])
        self.assertEqual(
            (told["verdict"], told["errors"], told["warnings"], told["cached"]), ("invalid", 1, 0, False)
        )
        [old, bad] = json.loads(json.dumps(told["messages"]))
        self.assertEqual((bad["line"], bad["column"], bad["type"]), (12, 5, "error"))
        self.assertTrue(old["old"])


class MachineTests(SynchronousTestCase):
    """For programs."""

    def test_junit(self) -> None:
        """A document is a test case: passed, failed, or in error; control characters don't break the XML."""
        suites = ET.fromstring(junit(REPORTS, "Nu, local"))
        self.assertEqual(
            (suites.tag, suites.get("tests"), suites.get("failures"), suites.get("errors")),
            ("testsuites", "4", "1", "2"),
        )
        kinds = [[part.tag for part in case] for case in suites.iter("testcase")]
        self.assertEqual(kinds, [["system-out"], ["failure"], ["error"], ["error"]])
        [failure] = suites.iter("failure")
        self.assertEqual(failure.get("message"), 'Duplicate ID "<main>".\ufffd')
        self.assertNotIn("Known.", failure.text or "")

    def test_sarif(self) -> None:
        """What the standard requires is there, with its types, and references agree."""
        told = json.loads(sarif(REPORTS, version="1", checker="nu", compared=True))
        [run] = told["runs"]
        self.assertEqual(told["version"], "2.1.0")
        rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        self.assertEqual(len(run["results"]), 3)
        for result in run["results"]:
            self.assertIn(result["ruleId"], rules)
            self.assertIn(result["level"], ("error", "warning", "note"))
            self.assertIn(result["baselineState"], ("new", "unchanged"))
            [place] = result["locations"]
            region = place["physicalLocation"]["region"]
            self.assertGreaterEqual(region["startLine"], 1)
            self.assertRegex(place["physicalLocation"]["artifactLocation"]["uri"], r"\A[!-~]+\Z")
        [invocation] = run["invocations"]
        self.assertFalse(invocation["executionSuccessful"])
        self.assertEqual(len(invocation["toolExecutionNotifications"]), 2)

    def test_names(self) -> None:
        """A name is escaped as a reference; a rule is named by words that stay the same."""
        self.assertEqual((uri("a b/é.html"), uri("/a#b")), ("a%20b/%C3%A9.html", "file:///a%23b"))
        one, other = (Message(Grade.ERROR, f'Duplicate ID "{name}".') for name in ("a", "b"))
        self.assertEqual((rule_of(one), rule_of(other)), ("duplicate-id", "duplicate-id"))

    def test_page(self) -> None:
        """The report's page shows everything, and nothing in it is markup or script of the document."""
        tree = turbohtml.parse(page(REPORTS, "Nu, local"))
        self.assertEqual([str(one.text) for one in tree.find_all("h2")], [report.name for report in REPORTS])
        self.assertEqual(len(tree.find_all("main")), 0)
        self.assertIn("default-src 'none'", str(tree.find_all("meta")[1].attrs["content"]))

    def test_framed(self) -> None:
        """A service's page has its links lead there, and may run no script."""
        framed_page = framed(b"<!DOCTYPE html><html><HEAD lang=en><title>", 'http://a.example/"x')
        tree = turbohtml.parse(framed_page.decode())
        self.assertEqual(tree.find_all("base")[0].attrs["href"], 'http://a.example/"x')
        self.assertTrue(framed(b"<p>x", "http://a.example/").startswith(b"<base"))

"""Tables as people write them: what they mean, and on which line they are wrong."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.pages.entry import BadTable, Entry, line_numbers, of_file, of_option
from netsuite.pages.table import unique

TABLE = '''\
"/" = "<h1>Back at 9</h1>"      # short

["/report.pdf"]
file = "files/report.pdf"
type = "application/pdf"
headers = { Content-Disposition = "attachment", Cache-Control = "no-store" }

["/flaky"]
body = """
["/not a page"]
status = 200
"""
status = [503, 503, 200]
delay = "200ms"
methods = ["GET", "POST"]

["/old"]
redirect = "/report.pdf"
headers = ["X-Why: moved"]

['/caf%C3%A9']
body = "noir"
delay = 1
'''


class FileTests(SynchronousTestCase):
    """A table file."""

    def entries(self, text: str) -> list[Entry]:
        """What a file with this text says."""
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text(text)
        return of_file(str(self.path))

    def complaint(self, text: str) -> str:
        """What is said of a table that is wrong, without the file's name."""
        error = self.assertRaises(BadTable, self.entries, text)
        told = str(error)
        self.assertTrue(told.startswith(f"{self.path}"), told)
        return told.removeprefix(f"{self.path}").removeprefix(", ").removeprefix(": ")

    def test_all_settings(self) -> None:
        """Each setting means what it says; a relative file lies beside the table."""
        home, report, flaky, old, cafe = self.entries(TABLE)
        self.assertEqual((home.path, home.body, home.statuses), (b"/", "<h1>Back at 9</h1>", (200,)))
        self.assertEqual(report.file, str(self.path.parent / "files/report.pdf"))
        self.assertEqual(report.kind, "application/pdf")
        self.assertEqual(
            report.fields, (("Content-Disposition", "attachment"), ("Cache-Control", "no-store"))
        )
        self.assertEqual((flaky.statuses, flaky.delay), ((503, 503, 200), 0.2))
        self.assertEqual(flaky.methods, ("GET", "HEAD", "POST"))
        self.assertEqual((old.redirect, old.statuses), ("/report.pdf", (302,)))
        self.assertEqual(old.fields, (("X-Why", "moved"),))
        self.assertEqual((cafe.path, cafe.delay), ("/café".encode(), 1.0))

    def test_lines(self) -> None:
        """Each page and setting is found on its line; what stands within a text is none."""
        found = line_numbers(TABLE)
        self.assertEqual(found["/", ""], 1)
        self.assertEqual(found["/report.pdf", "headers"], 6)
        self.assertEqual((found["/flaky", ""], found["/flaky", "status"]), (8, 13))
        self.assertEqual(found["/caf%C3%A9", ""], 21)
        self.assertNotIn(("/not a page", ""), found)

    def test_complaints(self) -> None:
        """A fault is told with its line, its page, and what there is."""
        for text, words in (
            ('["/"]\nbody = "x"\nstatus = 99\n', "line 3: '/': status 99 is no status"),
            ('["/"]\nbody = "x"\nstatus = 304\n', "line 3: '/': status 304 is no status"),
            ('["/"]\nbody = "x"\nstatus = true\n', "line 3: '/': status True is no status"),
            ('["/"]\nbody = "x"\nstatus = []\n', "line 3: '/': status is a list of"),
            ('["/"]\nbody = "x"\n\nstat = 200\n', "line 4: '/': no such setting 'stat'"),
            ('["/"]\nbody = 5\n', "line 2: '/': body is no text"),
            ('"/" = 5\n', "line 1: '/': body is no text"),
            ('["/"]\nstatus = 200\n', "line 1: '/': needs one of body, file and redirect"),
            ('["/"]\nbody = "x"\nfile = "y"\n', "line 1: '/': needs one of"),
            ('["/"]\nbody = "x"\ntype = "html"\n', "line 3: '/': type is no media type"),
            ('["/"]\nbody = "x"\ntype = "text/html\\r\\nX: y"\n', "line 3: '/': type is no media type"),
            ('["/"]\nbody = "x"\nheaders = {"X Y" = "z"}\n', "line 3: '/': headers has 'X Y'"),
            ('["/"]\nbody = "x"\nheaders = {X = "a\\nb"}\n', "line 3: '/': headers has X with a value"),
            (
                '["/"]\nbody = "x"\nheaders = {Content-Length = "1"}\n',
                "line 3: '/': headers has Content-Length, which",
            ),
            ('["/"]\nbody = "x"\nheaders = "X: y"\n', "line 3: '/': headers is no table"),
            ('["/"]\nbody = "x"\nmethods = ["get"]\n', "line 3: '/': methods 'get' is none of"),
            ('["/"]\nbody = "x"\nmethods = []\n', "line 3: '/': methods is empty"),
            ('["/"]\nbody = "x"\ndelay = "1h"\n', "line 3: '/': delay is not from 0"),
            ('["/"]\nredirect = "/a b"\n', "line 2: '/': redirect is no address"),
            ('["/"]\nredirect = "/a\\nb"\n', "line 2: '/': redirect is no address"),
            ('["/"]\nredirect = "/a"\nstatus = 200\n', "line 3: '/': status must be one of"),
            ('["/"]\nbody = "a"\nstatus = 302\n', "line 3: '/': status is a redirect's"),
            ('"/a" = "x"\n["test"]\nbody = "x"\n', "line 2: 'test' is no path"),
            ('"/a?b" = "x"\n', "line 1: '/a?b' is no path"),
            ('"/%2e%2e/b" = "x"\n', "line 1: '/%2e%2e/b' is no path"),
            ('"/" = "x"\n["/b"\n', "Expected"),
            ('["/"]\nbody = "x"\n["/"]\nbody = "y"\n', "Cannot declare"),
        ):
            told = self.complaint(text)
            self.assertTrue(told.startswith(words), (told, words))
        self.assertIn("at line 2", self.complaint('"/" = "x"\n["/b"\n'))
        self.assertIn("line 3", self.complaint('["/"]\nbody = "x"\n["/"]\nbody = "y"\n'))

    def test_no_file(self) -> None:
        """A table that can't be read is told by its name; so is one that is too long, or no text."""
        self.assertRaisesRegex(BadTable, "/nowhere/x: cannot be read", of_file, "/nowhere/x")
        path = Path(self.mktemp())
        path.write_bytes(b"'/' = '\xff'")
        self.assertRaisesRegex(BadTable, "no UTF-8 text", of_file, str(path))
        path.write_bytes(b"#" * (1 << 20) + b"#")
        self.assertRaisesRegex(BadTable, "larger than", of_file, str(path))

    def test_twice(self) -> None:
        """One path twice, however it is written, is refused; both places are named."""
        entries = self.entries('"/test" = "a"\n"/%74est" = "b"\n')
        error = self.assertRaises(BadTable, unique, entries)
        self.assertEqual(str(error), f"{self.path}, line 2: /test is there already: {self.path}, line 1")


class OptionTests(SynchronousTestCase):
    """``PATH=TEXT`` on the command line."""

    def test_option(self) -> None:
        """The first = parts path and text."""
        self.assertEqual(of_option("/=a=b"), (b"/", "a=b"))
        self.assertEqual(of_option("/%74est="), (b"/test", ""))
        for text in ("/", "", "=x", "test=x", "/../=x", "/a#b=x"):
            self.assertRaises(ValueError, of_option, text)

"""validate: what it says, and its exit status, each by a real cause."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.outcome import EXITS
from netsuite.scripts import validate
from netsuite.scripts.running import failure, finish
from netsuite.validate import local, remote
from tests.client.origin import HOLD, Answering, Asked, Origin, answer
from tests.real.parts import until
from tests.real.tlsorigin import Issuer
from tests.scripts.tools import PATIENCE, command, environment, finished
from tests.validate.standin import StandIn

GOOD = "<!DOCTYPE html><html lang=en><title>x</title><p>x\n"
BAD = "<!DOCTYPE html>\n<p>BAD\n<p>HINT\n"


class ValidateCase(TestCase):
    """Runs the tool here, on the real reactor, with a stand-in for the checker."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.standin = StandIn(self.folder / "standin")
        self.pages = self.folder / "pages"
        self.pages.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "JAVA_HOME"}
        self.patch(os, "environ", {**kept, **self.standin.environ})

    def write(self, name: str, text: str | bytes = GOOD) -> str:
        """The path of a new document."""
        path = self.pages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def origin(self, *answers: bytes) -> Origin:
        """An origin that gives these answers in turn, the last one for ever."""
        left = list(answers)
        return self.origin_of(lambda asked: left.pop(0) if len(left) > 1 else left[0])

    def origin_of(self, answering: Answering, **settings: Any) -> Origin:
        """An origin that answers in its own way."""
        origin = Origin(answering, **settings)
        self.addCleanup(origin.close)
        return origin

    async def said(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        options, output, errors = validate.Options(), io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            try:
                options.parseOptions(list(arguments))
                outcome = await validate.main(reactor, options)
            except Exception as error:
                outcome = failure(error, debug=False)
            finish(options, outcome, as_json=bool(options.get("json")))
        return outcome.exit, output.getvalue(), errors.getvalue()

    async def told(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and the JSON object."""
        code, output, _ = await self.said("-j", *arguments)
        [line] = output.splitlines()
        return code, json.loads(line)


class VerdictTests(ValidateCase):
    """0 and 1."""

    async def test_valid(self) -> None:
        """A valid document: exit 0, and it is called valid."""
        path = self.write("a.html")
        self.assertEqual(await self.said(path), (0, f"{path}: valid\n0 errors, 0 warnings (Nu, local)\n", ""))

    async def test_invalid(self) -> None:
        """An invalid one: exit 1, with places and plain quotes."""
        path = self.write("a.html", BAD)
        self.assertEqual(
            await self.said(path),
            (
                1,
                f'{path}:2:5: error: Bad "x".\n{path}:3:5: warning: A hint.\n'
                "1 error, 1 warning (Nu, local)\n",
                "",
            ),
        )

    async def test_exit_status_of_the_checker(self) -> None:
        """The checker's exit status decides nothing, in either direction."""
        os.environ["STANDIN_EXIT"] = "1"
        self.assertEqual((await self.said(self.write("a.html")))[0], 0)
        os.environ["STANDIN_EXIT"] = "0"
        self.assertEqual((await self.said(self.write("b.html", BAD)))[0], 1)

    async def test_json(self) -> None:
        """The features' object, key for key."""
        path = self.write("a.html", "<p>\n<p>BAD\n")
        code, told = await self.told(path)
        message = {"line": 2, "column": 5, "type": "error", "text": 'Bad "x".'}
        [file] = told["result"]["files"]
        self.assertEqual(
            (code, told["ok"], told["cause"], told["result"]["checker"]), (1, False, "no", "nu-local")
        )
        self.assertLessEqual(message.items(), file["messages"][0].items())
        self.assertEqual(
            {name: file[name] for name in ("file", "verdict", "errors", "warnings", "cached")},
            {"file": path, "verdict": "invalid", "errors": 1, "warnings": 0, "cached": False},
        )

    async def test_strictness(self) -> None:
        """--Werror makes a warning fail, --errors-only hides it, --ignore leaves a message out."""
        path = self.write("a.html", "<p>HINT")
        self.assertEqual((await self.said(path))[0], 0)
        self.assertEqual((await self.said("--Werror", path))[0], 1)
        code, output, _ = await self.said("--errors-only", "--Werror", path)
        self.assertEqual((code, "hint" in output), (0, False))
        self.assertEqual((await self.said("--Werror", "--ignore", "^A h[ia]nt", path))[0], 0)

    async def test_ignore_file(self) -> None:
        """Rules of a file leave messages out; one that fits nothing is told with its line."""
        rules = self.write("rules", "# known\nBad\nNever said\n")
        code, _, errors = await self.said("--ignore-file", rules, self.write("a.html", BAD))
        self.assertEqual((code, errors), (0, f"validate: {rules}:3: this rule fits no message: Never said\n"))
        code, told = await self.told("--ignore-file", rules, self.write("b.html"))
        self.assertEqual([rule["rule"] for rule in told["result"]["unused_rules"]], ["Bad", "Never said"])

    async def test_many(self) -> None:
        """Files, folders and patterns: one process, for CSS a second one; told in the order of the names."""
        names = ["x/b.html", "x/a.html", "c.svg", "d.css", "e.xhtml"]
        paths = {name: self.write(name, BAD if name == "x/b.html" else GOOD) for name in names}
        code, told = await self.told(paths["c.svg"], f"{self.pages}/x", f"{self.pages}/*.*", paths["c.svg"])
        files = [(file["file"], file["verdict"]) for file in told["result"]["files"]]
        order = [
            ("c.svg", "valid"),
            ("x/a.html", "valid"),
            ("x/b.html", "invalid"),
            ("d.css", "valid"),
            ("e.xhtml", "valid"),
        ]
        self.assertEqual((code, files), (1, [(paths[name], verdict) for name, verdict in order]))
        self.assertEqual([len(run) for run in self.standin.runs], [4, 1])
        self.assertIn("--also-check-css", self.standin.log.read_text().splitlines()[1])
        code, output, _ = await self.said(f"{self.pages}")
        self.assertIn("5 documents: 4 valid, 1 invalid; 1 error, 1 warning (Nu, local)", output)

    async def test_formats(self) -> None:
        """Each format is that format, and the exit status the same."""
        path = self.write("a.html", BAD)
        for form, start in (
            ("gnu", f"{path}:2.5-2.9: error: "),
            ("junit", "<?xml"),
            ("sarif", "{"),
            ("json", '{"tool"'),
        ):
            code, output, _ = await self.said("--format", form, path)
            self.assertEqual((code, output[: len(start)]), (1, start), form)

    async def test_encoding(self) -> None:
        """A page in Shift_JIS gets to the checker as text that it reads, and errors have their columns."""
        page = "<!DOCTYPE html><meta charset=shift_jis><title>日本</title>\n<p>BAD\n".encode("shift_jis")
        code, told = await self.told(self.write("a.html", page))
        [message] = told["result"]["files"][0]["messages"]
        self.assertEqual((code, message["line"], message["type"]), (1, 2, "error"))


class BaselineTests(ValidateCase):
    """Only new messages fail."""

    async def test_baseline(self) -> None:
        """Written by --update; messages that moved by ten lines stay old; one more fails; mended ones go."""
        known, path = str(self.folder / "known.json"), self.write("a.html", BAD)
        self.assertEqual((await self.said("--baseline", known, path))[0], EXITS["local"])
        code, _, errors = await self.said("--baseline", known, "--update", path)
        self.assertEqual((code, "2 messages of 1 documents" in errors), (0, True))
        self.write("a.html", "<!-- -->\n" * 10 + BAD)
        code, output, _ = await self.said("--baseline", known, "--Werror", path)
        self.assertEqual(
            (code, output), (0, f"{path}: valid\n0 errors, 0 warnings, 2 of the baseline (Nu, local)\n")
        )
        self.write("a.html", "<p>BAD\n" + BAD)
        code, output, _ = await self.said("--baseline", known, path)
        self.assertEqual((code, output.splitlines()[0]), (1, f'{path}:3:5: error: Bad "x".'))
        self.write("a.html")
        await self.said("--baseline", known, "--update", path)
        self.assertEqual(json.loads(Path(known).read_text())["files"], {})

    async def test_no_verdict_keeps(self) -> None:
        """A document without a verdict keeps what the baseline had of it, and still is no pass."""
        known, path = str(self.folder / "known.json"), self.write("a.html", BAD)
        await self.said("--baseline", known, "--update", path)
        before = Path(known).read_bytes()
        self.write("a.html", "CRASH")
        self.assertEqual((await self.said("--baseline", known, "--update", path))[0], EXITS["unknown"])
        self.assertEqual(Path(known).read_bytes(), before)

    async def test_not_one(self) -> None:
        """A file that is no baseline is refused, and left as it is."""
        known = self.write("known.json", "[]")
        code, _, errors = await self.said("--baseline", known, "--update", self.write("a.html"))
        self.assertEqual((code, Path(known).read_text()), (EXITS["local"], "[]"))
        self.assertIn("no baseline", errors)


class CacheTests(ValidateCase):
    """What was checked is not checked again."""

    async def test_again(self) -> None:
        """An unchanged document is not checked again, a changed one is; so are all with another checker."""
        paths = [self.write(f"{n}.html", GOOD + str(n)) for n in range(5)]
        await self.said(*paths)
        code, told = await self.told(*paths)
        self.assertEqual((code, {file["cached"] for file in told["result"]["files"]}), (0, {True}))
        self.assertEqual(len(self.standin.runs), 1)
        self.write("3.html", BAD)
        self.assertEqual((await self.said(*paths))[0], 1)
        self.assertEqual([len(run) for run in self.standin.runs], [5, 1])
        self.standin.jar.write_bytes(b"another stand-in")
        await self.said(*paths)
        await self.said("--no-cache", *paths)
        self.assertEqual([len(run) for run in self.standin.runs], [5, 1, 5, 5])

    async def test_failures_are_not_kept(self) -> None:
        """A document without a verdict is asked about again."""
        path = self.write("a.html", "SKIP")
        for _ in range(2):
            self.assertEqual((await self.said(path))[0], EXITS["unknown"])
        self.assertEqual(len(self.standin.runs), 2)


class NoVerdictTests(ValidateCase):
    """3: the checker is absent, crashed, silent or unreadable; never 0."""

    async def unknown(self, text: str, *arguments: str) -> None:
        """The exit status is 3, nothing is called valid, and ``text`` is told."""
        code, output, errors = await self.said(*arguments)
        self.assertEqual((code, ": valid" in output), (EXITS["unknown"], False))
        self.assertIn(text, output + errors)

    async def test_absent(self) -> None:
        """Without a checker, or without Java: how to get them."""
        path = self.write("a.html")
        os.environ["NETSUITE_VNU_JAR"] = str(self.folder / "gone.jar")
        await self.unknown("npm install vnu-jar", path)
        os.environ["NETSUITE_VNU_JAR"] = str(self.standin.jar)
        os.environ["PATH"] = str(self.folder)
        await self.unknown("no Java on this machine; the checker needs Java 17", path)
        os.environ["JAVA_HOME"] = str(self.standin.bin)
        await self.unknown("no Java on this machine", path)

    async def test_nowhere(self) -> None:
        """No jar was named, and no node_modules here or above has one; one above is found."""
        os.environ["NETSUITE_VNU_JAR"] = ""
        self.patch(os, "getcwd", lambda: "/")
        await self.unknown("no checker on this machine", self.write("a.html"))
        jar = self.folder / local.IN_MODULES
        jar.parent.mkdir(parents=True)
        jar.write_bytes(b"x")
        self.patch(os, "getcwd", lambda: str((self.pages / "x").absolute()))
        self.assertEqual((await self.said(self.write("x/a.html")))[0], 0)

    async def test_old_java(self) -> None:
        """A Java that is too old says nothing of the document, and the text says that."""
        os.environ["STANDIN"] = "old"
        await self.unknown("Java is too old for the checker, which needs 17", self.write("a.html"))

    async def test_no_output(self) -> None:
        """A checker that ends well without a word has not found anything valid."""
        os.environ["STANDIN"] = "nothing"
        await self.unknown("it ended without an answer", self.write("a.html"))

    async def test_crash(self) -> None:
        """Whoever crashes the checker has no verdict; the others have theirs."""
        paths = [
            self.write("a.html"),
            self.write("b.html", "CRASH"),
            self.write("c.html", BAD),
            self.write("d.html"),
        ]
        code, told = await self.told(*paths)
        verdicts = [file["verdict"] for file in told["result"]["files"]]
        self.assertEqual((code, verdicts), (3, ["valid", "unreadable", "invalid", "valid"]))
        self.assertIn("IllegalStateException: stand-in", told["result"]["files"][1]["why"])

    async def test_many_crashes(self) -> None:
        """Where too many crash it, the rest is given up, and is not valid."""
        self.patch(local, "RESTARTS_MAX", 4)
        paths = [self.write(f"{n}.html", "CRASH") for n in range(9)]
        code, told = await self.told(*paths)
        self.assertEqual((code, {file["verdict"] for file in told["result"]["files"]}), (3, {"unreadable"}))
        self.assertEqual(len(self.standin.runs), 5)

    async def test_silence(self) -> None:
        """A document over which the checker falls silent is given up after --timeout; others are judged."""
        paths = [self.write("a.html"), self.write("b.html", "HANG"), self.write("c.html")]
        code, told = await self.told("-t", "1", *paths)
        verdicts = [file["verdict"] for file in told["result"]["files"]]
        self.assertEqual((code, verdicts), (3, ["valid", "unreadable", "valid"]))
        self.assertIn("did not finish within 1 s", told["result"]["files"][1]["why"])

    async def test_skipped(self) -> None:
        """A document that the checker passed over is not valid, though nothing was said against it."""
        await self.unknown("the checker did not look at it", self.write("a.html", "SKIP"))

    async def test_nothing_to_check(self) -> None:
        """An empty folder is no success."""
        await self.unknown("nothing to check", str(self.pages))

    async def test_partial(self) -> None:
        """The built-in check says invalid or nothing: clean is 3, and is called partial."""
        await self.unknown("partial: the small built-in check", "--partial", self.write("a.html"))
        code, output, _ = await self.said(
            "--partial", self.write("b.html", "<!DOCTYPE html><p id=a><p id=a>")
        )
        self.assertEqual((code, 'error: Duplicate ID "a".' in output), (1, True))
        self.assertEqual(self.standin.runs, [])


class UsageTests(ValidateCase):
    """2 and 12."""

    async def test_usage(self) -> None:
        """What can't be a call is refused, and the checker not started."""
        path = self.write("a.html")
        for arguments in (
            (),
            ("--format", "xml", path),
            ("--ignore", "[", path),
            ("--ignore-file", self.write("rules", "("), path),
            ("--update", path),
            ("--w3c", "--service", "http://127.0.0.1/", path),
            ("--service", "ftp://127.0.0.1/", path),
            ("-t", "soon", path),
            ("--max-size", "much", path),
        ):
            code, output, errors = await self.said(*arguments)
            self.assertEqual((code, output), (EXITS["usage"], ""), arguments)
            self.assertIn("--help", errors)
        self.assertEqual(self.standin.runs, [])

    async def test_files(self) -> None:
        """A file that is not there, or not ours to read, is told with 12; the others are judged."""
        code, output, _ = await self.said(self.write("a.html"), str(self.pages / "gone.html"))
        self.assertEqual(code, EXITS["local"])
        self.assertIn("gone.html: unreadable: No such file or directory", output)
        self.assertIn("2 documents: 1 valid, 1 unreadable", output)
        self.assertEqual((await self.said("--ignore-file", "gone", self.write("a.html")))[0], EXITS["local"])

    async def test_size(self) -> None:
        """A document past the bound is not checked: 14."""
        code, output, _ = await self.said("--max-size", "10", self.write("a.html"))
        self.assertEqual((code, "--max-size" in output), (EXITS["limit"], True))

    async def test_secrets(self) -> None:
        """A password in a URL is in no output and no file, in whatever format."""
        origin = self.origin(answer("200 OK", BAD.encode(), "Content-Type: text/html"))
        url = origin.url("/page?q=1").replace("//", "//me:hunter2@")
        known = str(self.folder / "known.json")
        for form in validate.FORMATS:
            code, output, errors = await self.said("--format", form, "--baseline", known, "--update", url)
            self.assertEqual((code, "hunter2" in output + errors), (0, False), form)
        service = self.origin(ServiceTests.VALID).url("/check").replace("//", "//me:hunter2@")
        _, output, errors = await self.said("-j", "--service", service, self.write("a.html"))
        self.assertNotIn("hunter2", output + errors)
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        self.assertEqual([path for path in files if b"hunter2" in path.read_bytes()], [])

    async def test_odd_name(self) -> None:
        """A file's name that is no UTF-8 is told in every format."""
        path = os.fsdecode(os.fsencode(self.write("a.html", BAD)).replace(b"a.html", b"\xff&.html"))
        os.rename(self.pages / "a.html", path)
        known = str(self.folder / "known.json")
        for form in validate.FORMATS:
            self.assertEqual((await self.said("--format", form, str(self.pages)))[0], 1, form)
        self.assertEqual((await self.said("--baseline", known, "--update", path))[0], 0)
        self.assertEqual((await self.said("--baseline", known, path))[0], 0)

    async def test_terminal(self) -> None:
        """What a document holds plays no tricks on the terminal."""
        _, output, _ = await self.said("--format", "text", self.write("\x1b[2J.html", BAD))
        self.assertNotIn("\x1b", output)


class ServiceTests(ValidateCase):
    """Documents sent to a service, which is a stand-in of ours."""

    JSON = "Content-Type: application/json"
    VALID = answer("200 OK", b'{"messages":[]}', JSON)
    INVALID = answer(
        "200 OK", b'{"messages":[{"type":"error","lastLine":1,"lastColumn":2,"message":"Oh"}]}', JSON
    )

    def setUp(self) -> None:
        super().setUp()
        self.waits: list[float] = []
        self.now = 0.0
        case = self

        class Paced(remote.Pace):
            """Its time is the case's, which goes by where it waits, and nowhere else."""

            def wait(self, now: float) -> float:
                return super().wait(case.now)

            def put_off(self, now: float, seconds: float) -> None:
                super().put_off(case.now, seconds)

        def later(clock: object, seconds: float) -> Deferred[None]:
            self.waits.append(seconds)
            self.now += seconds
            return succeed(None)

        self.patch(remote, "deferLater", later)
        self.patch(remote, "Pace", Paced)

    def parts(self, asked: Asked) -> dict[str, tuple[str, bytes]]:
        """The fields of a form that came: the head and the content of each."""
        kind, _, boundary = (asked.get("content-type") or "").partition("; boundary=")
        self.assertEqual(kind, "multipart/form-data")
        pieces = asked.content.split(b"--" + boundary.encode())
        self.assertEqual((pieces[0], pieces[-1]), (b"", b"--\r\n"))
        found = {}
        for piece in pieces[1:-1]:
            head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = head.split(b'name="')[1].split(b'"')[0].decode()
            found[name] = head.decode(), content.removesuffix(b"\r\n")
        return found

    async def test_verdicts(self) -> None:
        """The document is the field uploaded_file of a form whose boundary is declared; JSON is judged."""
        origin = self.origin(self.VALID, self.INVALID)
        paths = [self.write("a.html"), self.write("b.html", BAD)]
        code, told = await self.told("--service", origin.url("/check"), *paths)
        verdicts = [file["verdict"] for file in told["result"]["files"]]
        self.assertEqual((code, verdicts, told["result"]["checker"]), (1, ["valid", "invalid"], "service"))
        self.assertEqual([(asked.method, asked.target) for asked in origin.asked], [("POST", "/check")] * 2)
        head, content = self.parts(origin.asked[0])["uploaded_file"]
        self.assertEqual(content, GOOD.encode())
        self.assertIn('filename="a.html"\r\nContent-Type: text/html', head)
        self.assertEqual(self.waits, [1.0])
        self.assertEqual(self.standin.runs, [])

    async def test_says_where(self) -> None:
        """What is sent where is told before."""
        origin = self.origin(self.VALID)
        path = self.write("a.html")
        code, _, errors = await self.said("--service", origin.url("/"), path)
        self.assertEqual(
            (code, errors), (0, f"validate: sending {path} ({len(GOOD)} bytes) to {origin.url('/')}\n")
        )

    async def test_w3c(self) -> None:
        """--w3c sends to http://validator.w3.org/check: seen by a proxy that answers in its place."""
        origin = self.origin(
            answer(
                "200 OK",
                b"<title>[Valid]</title>",
                "X-W3C-Validator-Status: Valid",
                "Content-Type: text/html",
            )
        )
        os.environ["http_proxy"] = f"http://127.0.0.1:{origin.port}"
        code, output, errors = await self.said("--w3c", self.write("a.html"))
        self.assertEqual(code, 0, output + errors)
        [asked] = origin.asked
        self.assertEqual(
            (asked.method, asked.target, asked.get("host")),
            ("POST", "http://validator.w3.org/check", "validator.w3.org"),
        )
        self.assertIn("uploaded_file", self.parts(asked))

    async def test_declined(self) -> None:
        """A refusal is 15, by status or in words with 200, and nothing is called valid."""
        for refusal in (
            answer("403 Forbidden", b"no"),
            answer("429 Too Many Requests", b"", "Retry-After: 3600"),
            answer("503 Service Unavailable", b"", "Retry-After: 3600"),
            answer("200 OK", b"<p>Blocked due to excessive use of this service.", "Content-Type: text/html"),
            answer("200 OK", b"<title>Just a moment...</title>", "Content-Type: text/html"),
        ):
            origin = self.origin(refusal)
            code, told = await self.told("--service", origin.url("/"), self.write("a.html"))
            [file] = told["result"]["files"]
            self.assertEqual((code, told["cause"], file["verdict"]), (15, "declined", "declined"), refusal)
            self.assertEqual(len(origin.asked), 1)

    async def test_unreadable(self) -> None:
        """Pages without a verdict are 3: an empty one, a portal's, JSON that is cut."""
        for page in (b"", b"<h1>Welcome to our Wi-Fi</h1><p>Success! You are valid.", b'{"messages":['):
            origin = self.origin(answer("200 OK", page, "Content-Type: text/html"))
            code, told = await self.told("--service", origin.url("/"), self.write("a.html"))
            self.assertEqual((code, told["result"]["files"][0]["verdict"]), (3, "unreadable"), page)

    async def test_failures(self) -> None:
        """What the network or the service does has its own code."""
        path = self.write("a.html")
        gone = self.origin(b"")
        gone.close()
        for what, code in (
            (answer("500 Oops", b""), 10),
            (answer("401 No", b""), 11),
            (answer("200 OK", b"{", self.JSON, length=99), 9),
        ):
            origin = self.origin(what)
            self.assertEqual((await self.said("--service", origin.url("/"), path))[0], code, what)
        self.assertEqual((await self.said("--service", gone.url("/"), path))[0], 5)
        held = self.origin_of(lambda asked: [HOLD])
        self.assertEqual((await self.said("-t", "0.3", "--service", held.url("/"), path))[0], 6)
        folder = self.folder / "tls"
        folder.mkdir()
        secure = self.origin_of(lambda asked: b"", certificate=Issuer(folder).issue("127.0.0.1"))
        self.assertEqual((await self.said("--service", secure.url("/"), path))[0], 8)
        self.assertEqual((await self.said("--service", "http://nowhere.invalid/", path))[0], 4)

    async def test_retry_after(self) -> None:
        """A service that asks to wait is waited for, and then asked again."""
        origin = self.origin(answer("429 Slow", b"", "Retry-After: 7"), self.VALID)
        code, _, errors = await self.said("--service", origin.url("/"), self.write("a.html"))
        self.assertEqual((code, self.waits, len(origin.asked)), (0, [7.0], 2))
        self.assertIn("asks us to wait 7 s", errors)

    async def test_redirects(self) -> None:
        """A redirect on the same host is followed with the document; to another nothing goes."""
        target = self.origin(self.VALID)
        moved = self.origin(answer("301 Moved", b"", "Location: /new"), self.VALID)
        path = self.write("a.html")
        self.assertEqual((await self.said("--service", moved.url("/old"), path))[0], 0)
        self.assertEqual(
            [(asked.method, asked.target) for asked in moved.asked], [("POST", "/old"), ("POST", "/new")]
        )
        elsewhere = self.origin(answer("307 There", b"", f"Location: {target.url('/', 'localhost')}"))
        code, output, _ = await self.said("--no-cache", "--service", elsewhere.url("/"), path)
        self.assertEqual((code, target.asked), (3, []))
        self.assertIn("nothing was sent there", output)

    async def test_never_twice(self) -> None:
        """A hundred documents twice: the second time nothing is sent."""
        origin = self.origin(self.VALID)
        paths = [self.write(f"{n}.html", GOOD + str(n)) for n in range(100)]
        self.assertEqual((await self.said("-q", "--service", origin.url("/"), *paths))[0], 0)
        self.assertEqual((len(origin.asked), self.waits), (100, [1.0] * 99))
        code, told = await self.told("-q", "--service", origin.url("/"), *paths)
        self.assertEqual(
            (code, len(origin.asked), {file["cached"] for file in told["result"]["files"]}), (0, 100, {True})
        )

    async def test_url(self) -> None:
        """A URL is fetched and judged here; Content-Type says kind and charset; failures have their codes."""
        page = "<title>日本</title>\n<p>BAD".encode("shift_jis")
        origin = self.origin(answer("200 OK", page, "Content-Type: text/html; charset=Shift_JIS"))
        code, told = await self.told(origin.url("/page"))
        [message] = told["result"]["files"][0]["messages"]
        self.assertEqual((code, message["line"], len(self.standin.runs)), (1, 2, 1))
        for what, code in (
            (answer("404 Not Found", b""), 10),
            (answer("429 No", b""), 15),
            (answer("200 OK", b"x", "Content-Type: image/png"), 3),
            (answer("200 OK", b"x", "Content-Type: text/html", length=9), 9),
        ):
            self.assertEqual((await self.said(self.origin(what).url("/")))[0], code, what)


class ProcessTests(SynchronousTestCase):
    """As users run it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.standin = StandIn(self.folder / "standin")
        self.env = {**environment(), **self.standin.environ}
        self.env.pop("JAVA_HOME", None)

    def said(self, *arguments: str, **options: Any) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        words: Sequence[str] = command("validate", *arguments)
        return finished(list(words), env=self.env, **options)

    def test_stdin_and_browser(self) -> None:
        """Standard input is checked; the report, opened by the platform's browser, shows what was found."""
        browser = self.folder / "browser"
        browser.write_text(f'#!/bin/sh\nprintf %s "$1" >{(self.folder / "opened").absolute()}\n')
        browser.chmod(0o755)
        self.env["BROWSER"] = str(browser.absolute())
        page = self.folder / "in.html"
        page.write_text(BAD)
        with page.open() as file:
            code, output, errors = self.said("--browser", "-", stdin=file)
        self.assertEqual((code, errors), (1, ""))
        self.assertTrue(output.startswith('-:2:5: error: Bad "x".\n'))
        opened = (self.folder / "opened").read_text()
        self.assertEqual(
            opened, (self.folder / "standin/cache/netsuite/validate-report.html").absolute().as_uri()
        )
        self.assertIn("Bad &quot;x&quot;.", Path(opened.removeprefix("file://")).read_text())

    def reading(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """The tool, in the thread that waits for what it has to read."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command("validate", *arguments), env=self.env, **pipes, **options)
        until("its thread", lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 1)
        return process

    def test_pipe(self) -> None:
        """A pipe is read to its end, however slowly it comes: ``validate <(command)``."""
        reading, writing = os.pipe()
        os.write(writing, b"<p>")
        process = self.reading(f"/dev/fd/{reading}", pass_fds=(reading,))
        os.close(reading)
        os.write(writing, b"BAD")
        os.close(writing)
        output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (1, ""))
        self.assertIn(':1:5: error: Bad "x".', output)

    def test_waiting(self) -> None:
        """Ctrl-C ends the wait for standard input."""
        reading, writing = os.pipe()
        process = self.reading("-", stdin=reading)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        os.close(reading)
        os.close(writing)
        self.assertEqual((process.returncode, output, "Traceback" in errors), (130, "", False))

    def test_no_browser(self) -> None:
        """Where there is no browser, it is told where the report lies, and the verdict is what it is."""
        page = self.folder / "in.html"
        page.write_text(BAD)
        bare = {name: value for name, value in self.env.items() if name not in ("BROWSER", "DISPLAY")}
        self.env = {**bare, "PATH": str(self.standin.bin.absolute()), "WAYLAND_DISPLAY": ""}
        code, _, errors = self.said("--browser", str(page))
        report = (self.folder / "standin/cache/netsuite/validate-report.html").absolute()
        told = f"validate: no browser could be started; the report is {report}\n"
        self.assertEqual((code, errors, report.is_file()), (1, told, True))

    def test_service_report(self) -> None:
        """With --service and --browser the service's own page is judged and shown, without its scripts."""
        page = b"""<!DOCTYPE html><html><head><title>Results</title></head><div id="results"><ol>
            <li class="error"><p><strong>Error</strong>: <span>Oh.</span></p></li></ol>
            <p class="failure">There were errors.</p></div>"""
        origin = Origin(lambda asked: answer("200 OK", page, "Content-Type: text/html; charset=utf-8"))
        self.addCleanup(origin.close)
        self.env["BROWSER"] = "true"
        document = self.folder / "a.html"
        document.write_text(GOOD)
        code, output, _ = self.said("--service", origin.url("/check"), "--browser", str(document))
        self.assertEqual((code, output.splitlines()[0]), (1, f"{document}: error: Oh."))
        [asked] = origin.asked
        self.assertNotIn(b'name="out"', asked.content)
        shown = (self.folder / "standin/cache/netsuite/validate-report.html").read_text()
        self.assertIn(
            f'<head><base href="{origin.url("/check")}"><meta http-equiv="Content-Security-Policy"', shown
        )

    def test_no_room(self) -> None:
        """Where documents can't be laid out for the checker: 12, and nothing is called valid."""
        document = self.folder / "a.html"
        document.write_text(GOOD + "x" * 20_000)
        bound = ["prlimit", "--fsize=10000", *command("validate", "--no-cache", str(document))]
        code, output, errors = finished(bound, env=self.env)
        self.assertEqual((code, output), (EXITS["local"], ""))
        self.assertIn("File too large", errors)

    def test_interrupted(self) -> None:
        """Ctrl-C and SIGTERM end it with 130 and 143, the checker too, and nothing is left behind."""
        page = self.folder / "a.html"
        page.write_text("HANG")
        self.env["TMPDIR"] = str((self.folder / "tmp").absolute())
        (self.folder / "tmp").mkdir()
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.interrupt(page, number, code)

    def interrupt(self, page: Path, number: signal.Signals, code: int) -> None:
        """The tool, sent a signal while the checker reads, ends as it should."""
        self.standin.log.unlink(missing_ok=True)
        process = subprocess.Popen(command("validate", str(page)), env=self.env, stderr=subprocess.PIPE)
        until("the checker has it", lambda: self.standin.runs)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, b"Traceback" in errors), (code, False))
        self.assertEqual(os.listdir(self.folder / "tmp"), [])

    def test_help(self) -> None:
        """--help has an example of each way."""
        code, output, _ = self.said("--help")
        self.assertEqual(code, 0)
        for text in ("validate test.html", "--w3c --browser", "--baseline", "--format sarif"):
            self.assertIn(text, output)

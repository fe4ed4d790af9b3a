"""updatecheck against real origins: what it says, and its exit status, each by a real cause."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.url import parse_url
from netsuite.scripts import updatecheck
from netsuite.updatecheck import state
from netsuite.updatecheck.rounds import Manner, Page
from netsuite.updatecheck.visit import Came
from tests.client.origin import Asked, Origin, Piece, answer
from tests.real.nameserver import Nameserver, having
from tests.real.parts import free_ports, until
from tests.real.tlsorigin import Issuer
from tests.scripts.tools import PATIENCE, command, environment
from tests.scripts.web import WebToolCase
from tests.updatecheck.test_pages import atom, rss
from tests.updatecheck.test_rounds import Answers, page

HTML = "Content-Type: text/html"
UNCHANGED = "Second request returned status 304: Page is unchanged."


def pages(*answers: bytes) -> Any:
    """What gives these answers in turn, the last one for ever."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


class Truthful:
    """An origin's way to answer by its tag; ``body`` is the page."""

    def __init__(self, body: bytes = b"<p>hello") -> None:
        self.body = body

    def __call__(self, asked: Asked) -> bytes:
        tag = f'"{hash(self.body) & 0xFFFFFF:x}"'
        if asked.get("If-None-Match") == tag:
            return answer("304 Not Modified", b"", f"ETag: {tag}").replace(b"Content-Length: 0\r\n", b"")
        return answer("200 OK", self.body, f"ETag: {tag}", HTML)


class UpdatecheckCase(WebToolCase):
    """Runs the tool here."""

    async def said(self, *arguments: str, **options: Any) -> tuple[int, list[str], str]:
        """Exit status, lines of standard output, standard error."""
        code, output, errors = await self.ran(updatecheck, *arguments, **options)
        return code, output.decode().splitlines(), errors

    async def told(self, *arguments: str, **options: Any) -> tuple[int, list[dict[str, Any]]]:
        """Exit status and the objects."""
        code, output, _ = await self.ran(updatecheck, "-j", *arguments, **options)
        return code, [json.loads(line) for line in output.decode().splitlines()]


class TutorialTests(UpdatecheckCase):
    """The tutorial's three answers, and its error."""

    async def test_unchanged(self) -> None:
        """304: the tutorial's line, exit 0; the second request asks by the first one's tag."""
        origin = self.origin(Truthful())
        code, lines, errors = await self.said(origin.url())
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(lines, [UNCHANGED])
        first, second = origin.asked
        self.assertIsNone(first.get("If-None-Match"))
        self.assertIsNotNone(second.get("If-None-Match"))

    async def test_by_date(self) -> None:
        """A server without tags is asked by its date."""
        date = "Mon, 05 Jan 2026 10:00:00 GMT"

        def answering(asked: Asked) -> bytes:
            if asked.get("If-Modified-Since") == date:
                return b"HTTP/1.1 304 Not Modified\r\n\r\n"
            return answer("200 OK", b"x", f"Last-Modified: {date}", HTML)

        self.assertEqual((await self.said(self.origin(answering).url()))[1], [UNCHANGED])

    async def test_the_or(self) -> None:
        """200: the tutorial's line, then the bodies decide: 0 where the server ignores conditions, else 1."""
        line = (
            "Second request returned status 200: "
            "Page changed (or server does not support conditional requests)."
        )
        same = answer("200 OK", b"x", 'ETag: "1"', HTML)
        code, lines, _ = await self.said(self.origin(same).url())
        self.assertEqual((code, lines[0]), (0, line))
        self.assertTrue(
            lines[1].startswith("Server ignores conditional requests: the body is identical (sha256 ")
        )
        code, lines, _ = await self.said(self.origin(pages(same, answer("200 OK", b"y", HTML))).url())
        self.assertEqual((code, lines[0]), (1, line))

    async def test_unexpected(self) -> None:
        """Another status: the tutorial's line, and the table's code."""
        origin = self.origin(pages(answer("200 OK", b"x", HTML), answer("500 Oops", b"")))
        code, lines, _ = await self.said(origin.url())
        self.assertEqual((code, lines[0]), (10, "Second request returned status 500: Unexpected response."))

    async def test_error(self) -> None:
        """No answer: Error, with the reason."""
        gone = self.origin(b"")
        gone.close()
        code, lines, errors = await self.said(gone.url())
        self.assertEqual((code, lines), (5, []))
        self.assertTrue(errors.startswith("Error"), errors)

    async def test_json(self) -> None:
        """The features' object, key for key."""
        origin = self.origin(Truthful())
        code, [told] = await self.told(origin.url())
        result = told["result"]
        self.assertEqual((code, told["ok"], result["url"]), (0, True, origin.url()))
        self.assertEqual((result["first"]["status"], result["first"]["last_modified"]), (200, None))
        self.assertEqual((result["second"]["status"], result["changed"], result["by"]), (304, False, "304"))
        wanted = {"verdict": "truthful", "rounds": 2, "lying_304": 0, "restless_etag": 0}
        self.assertLessEqual(wanted.items(), result["validators"].items())


class ExitTests(UpdatecheckCase):
    """Each code by its cause, at the second request; none of them is a change."""

    async def test_never_a_change(self) -> None:
        """4xx, 5xx, refusals, block pages, portals, empty and cut bodies."""
        good = answer("200 OK", b"<p>news", HTML)
        portal = self.origin(answer("200 OK", b"<p>hello", HTML))
        for second, code in (
            (answer("404 Not Found", b"gone", HTML), 10),
            (answer("503 Busy", b"", HTML), 10),
            (answer("401 Who", b""), 11),
            (answer("429 Slow", b"", "Retry-After: 60"), 15),
            (answer("503 Busy", b"", "Retry-After: 60"), 15),
            (answer("403 Forbidden", b"<title>Attention Required! | Cloudflare</title>", HTML), 15),
            (answer("200 OK", b"<title>Just a moment...</title>", HTML), 15),
            (answer("200 OK", b"<p>Your IP has been blocked.", HTML), 15),
            (answer("200 OK", b"<title>Hotel Wi-Fi login</title>", HTML), 3),
            (answer("302 Found", b"", f"Location: {portal.url('/login', 'localhost')}"), 3),
            (answer("511 Network Authentication Required", b"", HTML), 10),
            (answer("200 OK", b"", HTML), 3),
            (answer("204 No Content", b"").replace(b"Content-Length: 0\r\n", b""), 3),
            (answer("200 OK", b"{}", "Content-Type: application/json"), 3),
            (answer("200 OK", b"<p>ne", HTML, length=99), 9),
            (b"", 9),
        ):
            origin = self.origin(pages(good, second))
            code_, [told] = await self.told(origin.url())
            self.assertEqual((code_, told["result"]["changed"]), (code, None), second)

    async def test_articles(self) -> None:
        """A long page that comes to speak of captchas is no block page: it changed."""
        one, other = (answer("200 OK", b"<p>" + b"news " * 900 + more, HTML) for more in (b"", b"captcha"))
        code, [told] = await self.told(self.origin(pages(one, other)).url())
        self.assertEqual((code, told["result"]["changed"]), (1, True))

    async def test_network(self) -> None:
        """Names, silence and bounds have the table's codes."""
        held = self.origin(lambda asked: ["hold"])
        large = self.origin(answer("200 OK", b"x" * 2000, HTML))
        loop = self.origin(answer("302 There", b"", "Location: /"))
        secure = self.origin(b"", certificate=Issuer(self.path()).issue("127.0.0.1"))
        for arguments, code in (
            (("http://nowhere.invalid/",), 4),
            (("-t", "0.3", held.url()), 6),
            (("--max-size", "1000", large.url()), 14),
            ((loop.url(),), 14),
            ((secure.url(),), 8),
        ):
            code_, [told] = await self.told(*arguments)
            self.assertEqual((code_, told["result"]["changed"]), (code, None), arguments)

    async def test_usage(self) -> None:
        """What can't be a call is refused with 2."""
        for arguments in (
            (),
            ("ftp://x/",),
            ("--rounds", "0", "http://x/"),
            ("--ignore", "(", "http://x/"),
            ("--feed", "--text", "http://x/"),
            ("--watch", "soon", "http://x/"),
        ):
            code, lines, errors = await self.said(*arguments)
            self.assertEqual((code, lines), (2, []), arguments)
            self.assertIn("--help", errors)

    async def test_state_file(self) -> None:
        """A state file that is none, or can't be written, is told with 12."""
        origin = self.origin(Truthful())
        path = self.path("seen.json")
        path.write_text("[]")
        code, _, errors = await self.said("-s", str(path), origin.url())
        self.assertEqual((code, "no state file" in errors), (12, True))
        self.assertEqual((await self.said("-s", "/proc/nowhere/x", origin.url()))[0], 12)

    async def test_terminal(self) -> None:
        """What a server sends plays no tricks on the terminal."""
        tricks = pages(answer("200 OK", b"a\n", HTML), answer("500 \x1b[2J\x9b", b""))
        difference = pages(answer("200 OK", b"a\n", HTML), answer("200 OK", b"\x1b[2J\xc2\x9b\r\n", HTML))
        for arguments in (
            ("--explain", self.origin(tricks).url()),
            ("--diff", self.origin(difference).url()),
        ):
            _, lines, errors = await self.said(*arguments)
            self.assertNotRegex("".join(lines) + errors.replace("\n", ""), "[\x00-\x1f\x7f-\x9f]")


class StateTests(UpdatecheckCase):
    """Between calls."""

    async def test_no_room(self) -> None:
        """Where nothing can be remembered the visit is told all the same, and the code is 12."""
        url = self.origin(Truthful()).url()

        def full(path: str, content: bytes, *, replace: bool) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.patch(updatecheck.state.durable, "write", full)
        code, lines, errors = await self.said("-s", str(self.path("new.json")), url)
        self.assertEqual((code, lines), (12, ["First visit: nothing to compare with."]))
        self.assertIn("nothing could be remembered: No space left on device", errors)

    async def test_visits(self) -> None:
        """First visit 3 (0 with --first-ok), then unchanged, changed once, unchanged."""
        truth = Truthful()
        origin = self.origin(truth)
        path = str(self.path("seen.json"))
        code, lines, _ = await self.said("-s", path, origin.url())
        self.assertEqual((code, lines), (3, ["First visit: nothing to compare with."]))
        other = str(self.path("other.json"))
        self.assertEqual((await self.said("-s", other, "--first-ok", origin.url()))[0], 0)
        codes = []
        for body in (truth.body, b"<p>new", b"<p>new"):
            truth.body = body
            codes.append((await self.said("-s", path, origin.url()))[0])
        self.assertEqual((codes, len(origin.asked)), ([0, 1, 0], 5))

    async def test_trouble_in_between(self) -> None:
        """200, 429, 200: no change, and the 429 is told as what it is (changedetection.io#962)."""
        good = answer("200 OK", b"<p>x", 'ETag: "1"', HTML)
        origin = self.origin(pages(good, answer("429 Slow", b"please", HTML), good))
        path = str(self.path("seen.json"))
        codes = [(await self.said("-s", path, origin.url()))[0] for _ in range(3)]
        self.assertEqual(codes, [3, 15, 0])

    async def test_over_time(self) -> None:
        """What validators are worth is remembered over calls."""
        count = iter(range(99))
        origin = self.origin(lambda asked: answer("200 OK", b"x", f'ETag: "{next(count)}"', HTML))
        path = str(self.path("seen.json"))
        for _ in range(4):
            code, [told] = await self.told("-s", path, origin.url())
        validators = told["result"]["validators"]
        self.assertEqual(
            (code, validators["verdict"], validators["rounds"], validators["restless_etag"]),
            (0, "restless ETag", 4, 3),
        )

    async def test_several(self) -> None:
        """Several URLs: told in order, kept in one file, never two at once on a host."""
        running: dict[str, int] = {}
        most: list[int] = []
        lock = threading.Lock()

        def slow(host: str) -> Any:
            def answering(asked: Asked) -> Iterable[Piece]:
                with lock:
                    running[host] = running.get(host, 0) + 1
                    most.append(running[host])
                yield 0.01
                with lock:
                    running[host] -= 1
                yield answer("200 OK", asked.path.encode(), HTML)

            return answering

        hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        origins = [self.origin(slow(host), host=host) for host in hosts]
        urls = [origin.url(f"/{n}") for n in range(5) for origin in origins]
        path = str(self.path("seen.json"))
        code, told = await self.told("-s", path, *urls)
        self.assertEqual((code, [each["result"]["url"] for each in told], max(most)), (3, urls, 1))
        code, told = await self.told("-s", path, *urls)
        self.assertEqual((code, [each["exit"] for each in told]), (0, [0] * 15))
        code, lines, _ = await self.said("-s", path, *urls)
        self.assertTrue(lines[0].startswith(f"{urls[0]}: Second request returned status 200"), lines[0])


class LensTests(UpdatecheckCase):
    """What is compared."""

    async def compared(self, one: bytes, other: bytes, *arguments: str) -> int:
        """The exit status for a page that was one and is the other."""
        return (
            await self.said(
                *arguments,
                self.origin(pages(answer("200 OK", one, HTML), answer("200 OK", other, HTML))).url(),
            )
        )[0]

    async def test_noise(self) -> None:
        """A page with a clock: unchanged with --ignore, changed without; also by --select and --text."""
        one, other = (f"<title>x</title><p>10:{n}<div id=main class=c{n}>hi</div>".encode() for n in (33, 34))
        self.assertEqual(await self.compared(one, other), 1)
        self.assertEqual(await self.compared(one, other, "--ignore", r"10:\d\d", "--ignore", r"class=\w+"), 0)
        self.assertEqual(await self.compared(one, other, "--select", "main"), 1)
        self.assertEqual(await self.compared(one, other, "--select", "main", "--text"), 0)
        self.assertEqual(await self.compared(one, other, "--select", "gone"), 3)

    async def test_feeds(self) -> None:
        """RSS and Atom in another order: unchanged; one new id: 1; no feed: 3."""
        for one, moved, more in (
            (rss("1", "2"), rss("2", "1"), rss("3", "1", "2")),
            (atom("x", "1", "2"), atom("y", "2", "1"), atom("z", "1", "2", "3")),
        ):
            self.assertEqual(await self.compared(one, moved, "--feed"), 0)
            self.assertEqual(await self.compared(one, more, "--feed"), 1)
            self.assertEqual(await self.compared(one, moved), 1)
        self.assertEqual(await self.compared(rss("1"), b"<p>x", "--feed"), 3)

    async def test_diff(self) -> None:
        """--diff shows what went and came; ten megabytes of it in 200 lines."""
        answers = pages(answer("200 OK", b"<p>a\n<p>b\n", HTML), answer("200 OK", b"<p>a\n<p>c\n", HTML))
        code, lines, _ = await self.said("--diff", self.origin(answers).url())
        self.assertEqual((code, lines[-5:]), (1, ["+++ now", " <p>a", "-<p>b", "+<p>c", " "]))
        large = (b"".join(b"%s %d\n" % (word, n) for n in range(400_000)) for word in (b"old", b"new"))
        code, lines, _ = await self.said(
            "--diff", self.origin(pages(*(answer("200 OK", body) for body in large))).url()
        )
        self.assertEqual((code, len(lines)), (1, 2 + 200))
        self.assertIn("more lines of the difference are not shown", lines[-1])


class TrustTests(UpdatecheckCase):
    """Origins that lie: --rounds, --verify, --explain."""

    async def test_lying(self) -> None:
        """An origin that always says 304 is caught within 20 visits: changed, and a liar."""
        count = iter(range(99))

        def answering(asked: Asked) -> bytes:
            if asked.get("If-None-Match"):
                return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
            return answer("200 OK", b"%d" % next(count), 'ETag: "1"', HTML)

        code, [told] = await self.told("--rounds", "20", "--verify", self.origin(answering).url())
        result = told["result"]
        self.assertEqual(
            (code, result["changed"], result["by"], result["validators"]["verdict"]),
            (1, True, "verify", "lying 304"),
        )

    async def test_verdicts(self) -> None:
        """Ten rounds with each kind of origin."""
        date, later = "Date: Mon, 05 Jan 2026 10:00:00 GMT", "Last-Modified: Mon, 05 Jan 2036 10:00:00 GMT"
        count = iter(range(99))
        strong, weak = (answer("200 OK", b"x", f'ETag: {mark}"1"') for mark in ("", "W/"))

        def weakened(asked: Asked) -> bytes:
            if asked.get("If-None-Match") == 'W/"1"':
                return b'HTTP/1.1 304 Not Modified\r\nETag: W/"1"\r\n\r\n'
            return weak if asked.get("If-None-Match") else strong

        for answering, verdict in (
            (Truthful(), "truthful"),
            (answer("200 OK", b"x", 'ETag: "1"'), "ignores"),
            (lambda asked: answer("200 OK", b"x", f'ETag: "{next(count)}"'), "restless ETag"),
            (answer("200 OK", b"x", date, later), "future date"),
            (weakened, "weak where strong"),
            (pages(answer("200 OK", b"x", 'ETag: "1"'), answer("200 OK", b"y", 'ETag: "1"')), "lying tag"),
            (answer("200 OK", b"x"), "none"),
        ):
            _, [told] = await self.told("--rounds", "10", self.origin(answering).url())
            validators = told["result"]["validators"]
            self.assertEqual((validators["verdict"], validators["rounds"]), (verdict, 11))

    async def test_by_address(self) -> None:
        """Two servers behind one name are asked in turn; that each has its own tag is told as that."""
        (port,) = free_ports(1)
        one = self.origin(answer("200 OK", b"x", 'ETag: "one"'), port=port)
        other = self.origin(answer("200 OK", b"x", 'ETag: "other"'), host="127.0.0.2", port=port)
        names = Nameserver({"both.test": having("127.0.0.1", "127.0.0.2")})
        self.addCleanup(names.close)
        url = one.url("/", "both.test")
        code, [told] = await self.told("--rounds", "4", "--resolver", f"127.0.0.1:{names.port}", url)
        self.assertEqual((code, told["result"]["validators"]["verdict"]), (0, "per address"))
        self.assertEqual((len(one.asked), len(other.asked)), (3, 2))

    async def test_explain(self) -> None:
        """--explain has what was sent, what came, which rule decided, and what a cache says of itself."""
        cached = answer("200 OK", b"x", 'ETag: "1"', "Age: 300", "Vary: Accept", "X-Cache: HIT", HTML)
        code, lines, _ = await self.said("--explain", self.origin(cached).url())
        self.assertEqual(code, 0)
        for line in (
            '  If-None-Match: "1"',
            "came: 200 OK from 127.0.0.1 at 127.0.0.1",
            '  ETag: "1"',
            "  Vary: Accept",
            "  Age: 300: an answer out of a cache, 300 s old",
            "  x-cache: HIT",
            "rule: body",
        ):
            self.assertIn(line, lines)
        self.assertIn("validators: ignores (2 rounds)", "\n".join(lines))

    async def test_secrets(self) -> None:
        """A password in a URL is in no output and no file."""
        origin = self.origin(Truthful())
        path = self.path("seen.json")
        url = origin.url().replace("//", "//me:hunter2@")
        _, lines, errors = await self.said("--explain", "-s", str(path), url)
        self.assertNotIn("hunter2", "\n".join(lines) + errors + path.read_text())


class ExecTests(UpdatecheckCase):
    """--exec."""

    async def test_exec(self) -> None:
        """The command runs once per change, and knows the URL; its output is not ours."""
        truth = Truthful()
        url, path, seen = self.origin(truth).url(), str(self.path("seen.json")), self.path("ran")
        words = ("-s", path, "--exec", f'echo "$UPDATECHECK_URL" >>{seen}', url)
        for body in (truth.body, b"<p>1", b"<p>1", b"<p>2"):
            truth.body = body
            await self.said(*words, environ={"PATH": os.environ["PATH"]})
        self.assertEqual(seen.read_text().splitlines(), [url, url])

    async def test_codes(self) -> None:
        """A command that is not there, or can't be run, is 127 and 126; one that fails is told."""
        for text, code in (("/nowhere/command", 127), ("/dev/null", 126), ("exit 3", 1)):
            url = self.origin(pages(answer("200 OK", b"x"), answer("200 OK", b"y"))).url()
            code_, _, errors = await self.said("--exec", text, url)
            self.assertEqual(code_, code, text)
            self.assertIn("the command of --exec ended with", errors)


class WatchTests(SynchronousTestCase):
    """--watch, on a clock of the test's."""

    def test_waits(self) -> None:
        """It comes again as asked, later where Retry-After or max-age say so; a change is acted on once."""
        clock = Clock()
        refused = Came(429, "a.example", retry_after=60.0)
        answers = [page("a"), page("a"), refused, page("a", max_age=120), page("b"), page("b")]
        asks = Answers(lambda sent, n: answers[min(n, len(answers)) - 1])
        options = updatecheck.Options()
        options.parseOptions(["-q", "--watch", "10", "--exec", "true", "http://a.example/"])
        watching = updatecheck.Watching(clock, options, lambda: 0.5)
        seen: list[tuple[float, str, bool | None]] = []
        acted: list[float] = []

        def told_at(told: Any) -> None:
            seen.append((clock.seconds(), told.verdict.by, told.verdict.change.value))

        def counted(told: Any) -> Deferred[int]:
            if told.verdict.change.value:
                acted.append(clock.seconds())
            return succeed(0)

        watching.tell, watching.act = told_at, counted  # type: ignore[method-assign,assignment]
        work = Deferred.fromCoroutine(
            watching.watch(Page(asks, parse_url("http://a.example/"), Manner(), clock.seconds))
        )
        for _ in range(1000):
            clock.advance(0.5)
            if len(seen) == 6:
                break
        self.assertEqual(
            [(round(at, 1), by, change) for at, by, change in seen],
            [
                (0.0, "first", None),
                (10.5, "body", False),
                (21.0, "status", None),
                (81.5, "body", False),
                (202.0, "body", True),
                (212.5, "body", False),
            ],
        )
        self.assertEqual([round(at, 1) for at in acted], [202.0])
        work.addErrback(lambda _: None)
        work.cancel()


class ProcessTests(SynchronousTestCase):
    """As users run it."""

    def origin(self, answering: Any) -> Origin:
        """An origin for the time of a test."""
        made = Origin(answering)
        self.addCleanup(made.close)
        return made

    def test_watch(self) -> None:
        """--watch writes JSON Lines as visits are made, and ends with 130 at Ctrl-C."""
        count = iter(range(10_000))
        origin = self.origin(lambda asked: answer("200 OK", b"%d" % next(count), HTML))
        words = command("updatecheck", "-j", "--watch", "0.05", origin.url())
        process = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        changes = [json.loads(process.stdout.readline())["result"]["changed"] for _ in range(4)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((changes, process.returncode), ([None, True, True, True], 130), errors)
        self.assertNotIn(b"Traceback", errors)

    def test_killed(self) -> None:
        """kill -9 while it waits for the next visit loses nothing."""
        count = iter(range(100_000))
        origin = self.origin(lambda asked: answer("200 OK", b"%d" % next(count) * 999, HTML))
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "seen.json"
        urls = [origin.url("/a"), origin.url("/b")]
        words = command("updatecheck", "-q", "-s", str(path), "--watch", "0.01", *urls)
        process = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL)
        until("both", lambda: path.exists() and set(state.read(str(path))) == set(urls))
        process.kill()
        process.wait(PATIENCE)
        self.assertEqual(set(state.read(str(path))), set(urls))

    def test_help(self) -> None:
        """--help has examples."""
        done = subprocess.run(
            command("updatecheck", "--help"), env=environment(), capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0)
        for text in ("--explain", "--feed", "--watch 5m", "-s seen.json"):
            self.assertIn(text, done.stdout)

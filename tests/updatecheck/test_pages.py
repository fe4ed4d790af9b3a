"""What is compared, what is shown, what is remembered."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.walls import Kind, wall
from netsuite.updatecheck import state
from netsuite.updatecheck.diff import LINES_MAX, WIDTH_MAX, diff
from netsuite.updatecheck.lens import Lens, Unfit, look
from netsuite.updatecheck.tally import Tally
from netsuite.updatecheck.visit import Known
from tests.real.parts import until
from tests.scripts.tools import PATIENCE, environment

RSS = '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>%s</channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><updated>%s</updated>%s</feed>'


def rss(*ids: str) -> bytes:
    """A feed with these items."""
    return (RSS % "".join(f"<item><guid>{i}</guid><title>T {i}</title></item>" for i in ids)).encode()


def atom(when: str, *ids: str) -> bytes:
    """A feed with these entries."""
    return (ATOM % (when, "".join(f"<entry><id>{i}</id><title>T {i}</title></entry>" for i in ids))).encode()


class LensTests(SynchronousTestCase):
    """What is left of a page."""

    def same(self, lens: Lens, one: str, other: str) -> bool:
        """Whether two pages are one through a lens."""
        return look(lens, one.encode()).key == look(lens, other.encode()).key

    def test_plain(self) -> None:
        """Without a lens every byte counts."""
        self.assertFalse(self.same(Lens(), "a", "a "))
        self.assertEqual((Lens().is_plain, Lens().name), (True, ""))

    def test_ignore(self) -> None:
        """A clock that is ignored is no change, all else is."""
        clock = Lens((re.compile(r"\d\d:\d\d"),))
        self.assertTrue(self.same(clock, "<p>At 10:33 x", "<p>At 10:34 x"))
        self.assertFalse(self.same(clock, "<p>At 10:33 x", "<p>At 10:34 y"))

    def test_select(self) -> None:
        """Only the element with that id counts; without it there is nothing to compare."""
        lens = Lens(select="main")
        page = "<p>%s<div id=main>%s</div>"
        self.assertTrue(self.same(lens, page % ("a", "x"), page % ("b", "x")))
        self.assertFalse(self.same(lens, page % ("a", "x"), page % ("a", "y")))
        with self.assertRaisesRegex(Unfit, "no element with the id 'main'"):
            look(lens, b"<p>none")

    def test_text(self) -> None:
        """What a reader does not see does not count."""
        lens = Lens(text=True)
        self.assertTrue(
            self.same(lens, "<p class=a>x<script>1</script>", "<P CLASS=b>x<script>2</script><!--c-->")
        )
        self.assertFalse(self.same(lens, "<p>x", "<p>y"))

    def test_feeds(self) -> None:
        """Items in another order are the same feed, in RSS and Atom; what is no feed can't be compared."""
        lens = Lens(feed=True)
        for one, other in ((rss("1", "2"), rss("2", "1")), (atom("x", "1", "2"), atom("y", "2", "1"))):
            self.assertEqual(look(lens, one).key, look(lens, other).key)
        self.assertEqual(look(lens, atom("x", "1", "2")).items, ("1", "2"))
        for body in (b"<html><p>x", b"", b"{}", b"<rss", b'<a xmlns="x"/>'):
            with self.assertRaises(Unfit, msg=str(body)):
                look(lens, body)

    def test_names(self) -> None:
        """Lenses that show other things have other names."""
        lenses = (
            Lens(),
            Lens(text=True),
            Lens(select="a"),
            Lens(feed=True),
            Lens((re.compile("a"),)),
            Lens((re.compile("b"),)),
        )
        self.assertEqual(len({lens.name for lens in lenses}), len(lenses))

    @settings(deadline=None, max_examples=50)
    @given(st.binary(max_size=200), st.booleans())
    def test_any_bytes(self, body: bytes, text: bool) -> None:
        """Whatever bytes come, they can be compared."""
        self.assertEqual(look(Lens(text=text), body).key, look(Lens(text=text), body).key)


class WallTests(SynchronousTestCase):
    """Pages that stand in the way."""

    def test_kinds(self) -> None:
        """Each kind by its words; a page about something else is none."""
        for text, kind in (
            ("Your IP has been blocked", Kind.REFUSAL),
            ("Too many requests", Kind.REFUSAL),
            ("Just a moment...", Kind.WALL),
            ("Please solve the CAPTCHA", Kind.WALL),
            ("Welcome to our free Wi-Fi! Accept the terms.", Kind.PORTAL),
            ("Sign in to this network", Kind.PORTAL),
            ("The tide lifted the boats.", None),
            ("", None),
        ):
            found = wall(text)
            self.assertEqual(found.kind if found else None, kind, text)


class DiffTests(SynchronousTestCase):
    """What changed."""

    def test_lines(self) -> None:
        """Lines that went and came, with a little around."""
        old = "\n".join("abcdefghij")
        self.assertEqual(
            diff(old, old.replace("e", "X")), ["--- before", "+++ now", " c", " d", "-e", "+X", " f", " g"]
        )

    def test_large(self) -> None:
        """Ten megabytes that changed are shown in so many lines, and it is said that there is more."""
        old, new = ("\n".join(f"{word} {n}" for n in range(700_000)) for word in ("old", "new"))
        shown = diff(old, new)
        self.assertEqual(len(shown), LINES_MAX)
        self.assertEqual(
            shown[-1], f"… {1_400_002 - LINES_MAX + 1} more lines of the difference are not shown"
        )

    def test_long_line(self) -> None:
        """One line of megabytes is cut, and its length told."""
        shown = diff("a" * 5_000_000, "b" * 5_000_000)
        self.assertTrue(all(len(line) < WIDTH_MAX + 40 for line in shown))
        self.assertIn("(5000001 characters)", shown[-1])

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
    def test_whole(self, one: list[str], other: list[str]) -> None:
        """What came less what went is what the texts differ by in length; equal texts have no difference."""
        shown = diff("\n".join(one), "\n".join(other))
        gone = [line[1:] for line in shown[2:] if line.startswith("-")]
        new = [line[1:] for line in shown[2:] if line.startswith("+")]
        self.assertEqual(len(new) - len(gone), max(len(other), 1) - max(len(one), 1))
        self.assertEqual(bool(shown), "\n".join(one) != "\n".join(other))


class StateTests(SynchronousTestCase):
    """What is remembered."""

    def setUp(self) -> None:
        self.path = str(Path(self.mktemp()))
        tally = Tally(3, {"truthful": 2}, 1, {"192.0.2.1": ('"1"', "f00")})
        self.entry = state.Entry(
            Known('W/"1"', None, "f00", 3, "b4", "", "a.example", "text/html", items=("1",)), tally
        )

    def test_kept(self) -> None:
        """An entry is read as it was written, beside others, and nobody else may read the file."""
        other = state.Entry(Known(None, "Mon", "x", 0, "y", "{}", text="t"), Tally())
        state.put(self.path, {"http://a.example/": self.entry})
        state.put(self.path, {"http://b.example/?q": other})
        self.assertEqual(
            state.read(self.path), {"http://a.example/": self.entry, "http://b.example/?q": other}
        )
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertIn('"etag": "W/\\"1\\""', Path(self.path).read_text())

    def test_none(self) -> None:
        """A file that is not there has no entries."""
        self.assertEqual(state.read(self.path), {})

    def test_at_once(self) -> None:
        """Who writes at the same time loses nothing of the others."""
        urls = [f"http://a.example/{number}" for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda url: state.put(self.path, {url: self.entry}), urls))
        self.assertEqual(set(state.read(self.path)), set(urls))

    def test_memory(self) -> None:
        """Entries that follow one another are written together; one that matters now is there at once."""
        clock = Clock()
        memory = state.Memory(self.path, clock.seconds)
        written = []
        for number, now in enumerate((False, False, False, True)):
            memory.add(f"http://a.example/{number}", self.entry, now=now)
            written.append(len(state.read(self.path)))
            clock.advance(state.WRITE_SECONDS / 2)
        self.assertEqual(written, [1, 1, 3, 4])
        memory.add("http://a.example/x", self.entry)
        memory.flush()
        self.assertEqual(len(state.read(self.path)), 5)

    def test_killed(self) -> None:
        """kill -9 at any moment leaves a file that is whole."""
        program = (
            "import sys\n"
            "from netsuite.updatecheck import state\n"
            "from netsuite.updatecheck.tally import Tally\n"
            "from netsuite.updatecheck.visit import Known\n"
            "for n in range(10**9):\n"
            "    known = Known(None, None, 'x' * 9000, n, 'k', '', text='t' * 90000)\n"
            "    state.put(sys.argv[1], {f'http://a.example/{n % 3}': state.Entry(known, Tally())})"
        )
        seen = 0
        for _ in range(5):
            before = seen
            process = subprocess.Popen([sys.executable, "-c", program, self.path], env=environment())
            until("it writes", lambda: os.path.exists(self.path) and self.highest() != before)  # noqa: B023
            process.kill()
            process.wait(PATIENCE)
            seen = self.highest()
        self.assertTrue(state.read(self.path))

    def highest(self) -> int:
        """What the last writing put in."""
        return max(entry.known.size for entry in state.read(self.path).values())

    def test_foreign(self) -> None:
        """A file that is none of ours is refused and left as it is; so is one that is damaged anywhere."""
        state.put(self.path, {"http://a.example/": self.entry})
        whole = Path(self.path).read_bytes()
        odd = json.loads(whole)
        odd["urls"]["http://a.example/"]["etag"] = 3
        for content in (
            b"",
            b"[]",
            b"{}",
            b'{"form":"x","urls":{}}',
            whole[:-3],
            json.dumps(odd).encode(),
            b"\xff",
        ):
            Path(self.path).write_bytes(content)
            with self.assertRaises(state.BadState, msg=str(content)):
                state.put(self.path, {"http://a.example/": self.entry})
            self.assertEqual(Path(self.path).read_bytes(), content)

    def test_long_text(self) -> None:
        """A text past the bound is not kept, the rest is."""
        known = Known(None, None, "x", 0, "y", "", text="t" * (state.TEXT_MAX + 1))
        state.put(self.path, {"http://a.example/": state.Entry(known, Tally())})
        self.assertIsNone(state.read(self.path)["http://a.example/"].known.text)

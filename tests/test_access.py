"""Names and passwords: what is right, what is refused, and what a guesser pays."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from passlib.apache import HtpasswdFile
from passlib.hash import apr_md5_crypt, bcrypt, plaintext, sha512_crypt
from twisted.internet import reactor, threads
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.access import FREE_TRIES, REMEMBER_SECONDS, SLOW_SECONDS, Htpasswd, parse_basic, work

LONGEST = "p" * 72


def hashed(password: str) -> str:
    """Return a bcrypt hash, as cheap as can be."""
    made: str = bcrypt.using(rounds=4).hash(password)
    return made


def basic(user: str, password: str) -> bytes:
    """Return the value of an Authorization field."""
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class BasicTests(SynchronousTestCase):
    """RFC 7617's credentials."""

    def test_read(self) -> None:
        """The scheme's case is free, the password may hold colons, both are UTF-8."""
        self.assertEqual(parse_basic(basic("ann", "a:b")), ("ann", "a:b"))
        self.assertEqual(parse_basic(b"bAsIc  " + basic("å", "").partition(b" ")[2]), ("å", ""))

    def test_refused(self) -> None:
        """Another scheme, no colon, no base64, no UTF-8, or endless text is nobody."""
        for value in (
            b"",
            b"Basic",
            b"Bearer YTpi",
            b"Basic !!!!",
            b"Basic YW5u",
            b"Basic " + base64.b64encode(b"\xff:x"),
            b"Basic " + b"YTpi" * 2000,
        ):
            self.assertIsNone(parse_basic(value), value[:20])


class FileTests(SynchronousTestCase):
    """The file, and checks against it; the clock and the threads are ours."""

    def setUp(self) -> None:
        """Make a file with two users."""

        def at_once(_reactor: Any, _pool: Any, check: Any, *arguments: Any) -> Deferred[Any]:
            return maybeDeferred(check, *arguments)

        self.patch(threads, "deferToThreadPool", at_once)
        self.clock = Clock()
        self.path = Path(self.mktemp())
        self.write(ann=hashed("right"), bob=hashed(LONGEST))
        self.users = Htpasswd(str(self.path), self.clock)

    def write(self, **users: str) -> None:
        """Write the file; its time stamp moves on."""
        moved = self.path.stat().st_mtime_ns + 1_000_000 if self.path.exists() else 10**18
        self.path.write_text("".join(f"{user}:{hash_}\n" for user, hash_ in users.items()))
        os.utime(self.path, ns=(moved, moved))

    def check(self, credentials: bytes, client: str = "192.0.2.1") -> str | None:
        """Return the user found now."""
        found: str | None = self.successResultOf(
            Deferred.fromCoroutine(self.users.check(credentials, client))
        )
        return found

    def test_right_and_wrong(self) -> None:
        """Only the right password of a known user is right."""
        self.assertEqual(self.check(basic("ann", "right")), "ann")
        for user, password in (("ann", "wrong"), ("ann", ""), ("eve", "right"), ("", ""), ("ann\n", "right")):
            self.assertIsNone(self.check(basic(user, password)), (user, password))
        self.assertIsNone(self.check(b"Bearer x"))

    def test_longest_password(self) -> None:
        """bcrypt reads 72 bytes: a longer password is refused, though its beginning is right."""
        self.assertEqual(self.check(basic("bob", LONGEST)), "bob")
        self.assertIsNone(self.check(basic("bob", LONGEST + "x")))

    def test_nul(self) -> None:
        """A password with a NUL, which bcrypt can't hold, is wrong and no fault of ours."""
        self.assertIsNone(self.check(basic("ann", "right\0x")))
        self.assertIsNone(self.check(basic("eve", "\0")))

    def test_weak_hashes(self) -> None:
        """Plain text and unsalted hashes are refused, naming file and user."""
        for weak in (plaintext.hash("right"), "{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs="):
            self.write(ann=hashed("right"), old=weak)
            with self.assertRaises(ValueError) as caught:
                Htpasswd(str(self.path), self.clock)
            self.assertIn("old has a weak hash", str(caught.exception))
        self.assertRaises(OSError, Htpasswd, self.mktemp(), self.clock)

    def test_unknown_name_costs_most(self) -> None:
        """Whoever is unknown costs a check of the dearest hash of the file, wherever it stands; also anew."""
        dear = bcrypt.using(rounds=5).hash("right")
        self.write(ann=apr_md5_crypt.hash("right"), bob=hashed("right"), cat=dear, dan=hashed("right"))
        self.users.refresh()
        checked: list[str] = []
        self.patch(HtpasswdFile, "check_password", lambda file, user, password: checked.append(user))
        self.check(basic("eve", "right"))
        self.check(basic("ann", "r" * 73))
        self.assertEqual(checked, ["cat", "cat"])
        self.write(cat=hashed("right"), ann=bcrypt.using(rounds=6).hash("right"))
        self.users.refresh()
        self.check(basic("eve", "right"))
        self.assertEqual(checked[2:], ["ann"])

    def test_work(self) -> None:
        """bcrypt costs by its exponent, SHA-512 by its rounds, 5000 if it names none; apr1 the least."""
        hashes = (
            apr_md5_crypt.hash("x"),
            sha512_crypt.using(rounds=5000).hash("x"),
            bcrypt.using(rounds=6).hash("x"),
            sha512_crypt.using(rounds=10_000).hash("x"),
            bcrypt.using(rounds=7, ident="2a").hash("x"),
        )
        self.assertEqual(sorted(hashes, key=work), list(hashes))
        for spoilt in ("", "$2b$", "$2b$xx$a", "$2b$999999999$a", "right"):
            self.assertEqual(work(spoilt), 0, spoilt)

    def test_nobody(self) -> None:
        """A file without users lets nobody in."""
        self.write()
        self.users.refresh()
        self.assertIsNone(self.check(basic("ann", "right")))

    def test_remembered_for_a_while(self) -> None:
        """What was right is known without a new check, until its time is over or the file changes."""
        right = basic("ann", "right")
        self.assertIsNone(self.users.remembered(right))
        self.check(right)
        self.assertEqual(self.users.remembered(right), "ann")
        self.assertIsNone(self.users.remembered(basic("ann", "wrong")))
        self.clock.advance(REMEMBER_SECONDS)
        self.assertIsNone(self.users.remembered(right))
        self.check(right)
        self.write(ann=hashed("new"))
        self.users.refresh()
        self.assertIsNone(self.users.remembered(right))
        self.assertIsNone(self.check(right))

    def test_faulty_reload_changes_nothing(self) -> None:
        """A weak or missing file at reload leaves the users as they were."""
        self.write(ann=plaintext.hash("right"))
        self.users.refresh()
        self.path.unlink()
        self.users.refresh()
        self.assertEqual(self.check(basic("ann", "right")), "ann")

    def test_line_of_a_weak_hash(self) -> None:
        """The line with a weak hash is told."""
        self.path.write_text(f"# users\nann:{hashed('right')}\nold:plain\n")
        fault = self.assertRaises(ValueError, Htpasswd, str(self.path), self.clock)
        self.assertIn(f"{self.path}, line 3: old has a weak hash", str(fault))

    def test_prepared(self) -> None:
        """Users of another file are read and checked first, and in force only when told."""
        other = Path(self.mktemp())
        other.write_text(f"cat:{hashed('right')}\n")
        use = self.users.prepare(str(other))
        self.assertEqual(self.check(basic("ann", "right")), "ann")
        use()
        self.assertIsNone(self.check(basic("ann", "right")))
        self.assertEqual(self.check(basic("cat", "right")), "cat")
        other.write_text("cat:plain\n")
        self.assertRaises(ValueError, self.users.prepare, str(other))
        self.assertEqual(self.check(basic("cat", "right")), "cat")

    def test_tries_are_told(self) -> None:
        """Who asks hears of each try; what other processes have seen counts as seen here."""
        told: list[tuple[str, bool]] = []
        users = Htpasswd(str(self.path), self.clock, on_try=lambda client, ok: told.append((client, ok)))
        for password in ("wrong", "right"):
            self.successResultOf(Deferred.fromCoroutine(users.check(basic("ann", password), "192.0.2.1")))
        self.assertEqual(told, [("192.0.2.1", False), ("192.0.2.1", True)])
        for _ in range(FREE_TRIES):
            users.note("192.0.2.2", False)
        self.assertEqual(users.tried, {"192.0.2.2": FREE_TRIES})
        self.assertNoResult(Deferred.fromCoroutine(users.check(basic("ann", "right"), "192.0.2.2")))
        users.note("192.0.2.2", True)
        self.assertEqual(users.tried, {})

    def test_guesser_waits(self) -> None:
        """After some failures each try of that client waits; others don't, and a success clears it."""
        for _ in range(FREE_TRIES):
            self.assertIsNone(self.check(basic("ann", "wrong")))
        slow = Deferred.fromCoroutine(self.users.check(basic("ann", "right"), "192.0.2.1"))
        self.assertNoResult(slow)
        self.assertEqual(self.check(basic("ann", "right"), "192.0.2.2"), "ann")
        self.clock.advance(SLOW_SECONDS)
        self.assertEqual(self.successResultOf(slow), "ann")
        self.assertEqual(self.check(basic("ann", "right")), "ann")


class ThreadTests(TestCase):
    """The same in real threads."""

    async def test_check(self) -> None:
        """A check runs beside the reactor and comes back with the user."""
        path = Path(self.mktemp())
        path.write_text(f"ann:{hashed('right')}\n")
        users = Htpasswd(str(path), reactor)
        users.start()
        self.addCleanup(users.stop)
        self.assertEqual(await users.check(basic("ann", "right"), "192.0.2.1"), "ann")
        self.assertIsNone(await users.check(basic("ann", "wrong"), "192.0.2.1"))

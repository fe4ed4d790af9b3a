"""Modes and owners of files: planted with chmod, chown and mount, and as values."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.doctor.files import Seen, User, judge, look, may, owner_of, user
from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.limits import Room, judge_room, room
from netsuite.doctor.plan import CONFIG, LOG, SECRET, STATE, STORE, USERS, Kept
from tests.real.parts import clean_environment, require

SOMEBODY = User(1234, frozenset((1234,)), "somebody")

#: Looks at the disk of a folder, and at a file in it, as the doctor does.
LOOK = """
import sys
from netsuite.doctor.files import judge, look, user
from netsuite.doctor.limits import judge_room, room
from netsuite.doctor.plan import STORE, Kept
kept = Kept("echo --store", sys.argv[1] + "/a.db", STORE)
for found in judge_room(room([sys.argv[1]])) + judge([look(kept)], user()):
    print(found.line())
"""


class Planted(SynchronousTestCase):
    """A folder in which files are planted."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(0o700)
        self.me = user()

    def kept(self, name: str, role: str, mode: int, *, must: bool = False) -> Kept:
        """A file is there, with a mode."""
        path = self.folder / name
        if role == STATE:
            path.mkdir()
        else:
            path.write_bytes(b"x")
        path.chmod(mode)
        return Kept("echo --store", str(path), role, must)

    def one(self, kept: Kept, who: User | None = None) -> Finding:
        """The one finding of a file."""
        [finding] = judge([look(kept)], who or self.me)
        return finding


class ModeTests(Planted):
    """Others may not read what is private, nor write what we read."""

    def test_sound(self) -> None:
        """Modes that a service gives, or an administrator may, are well."""
        kept = [
            self.kept(f"{role}{mode:o}", role, mode)
            for role, mode in (
                (SECRET, 0o600),
                (SECRET, 0o400),
                (STORE, 0o600),
                (USERS, 0o640),
                (LOG, 0o640),
                (CONFIG, 0o644),
                (STATE, 0o755),
            )
        ]
        [finding] = judge([look(one) for one in kept], self.me)
        self.assertEqual((finding.severity, "7 files" in finding.what), (OK, True))

    def test_open(self) -> None:
        """Each that is open to others is told, and the remedy mends it."""
        for role, mode, severity, verb in (
            (SECRET, 0o640, FAULT, "read"),
            (SECRET, 0o604, FAULT, "read"),
            (STORE, 0o644, FAULT, "read"),
            (USERS, 0o644, FAULT, "read"),
            (USERS, 0o660, FAULT, "write"),
            (LOG, 0o644, WARNING, "read"),
            (CONFIG, 0o666, FAULT, "write"),
            (STATE, 0o777, FAULT, "write"),
        ):
            kept = self.kept(f"{role}-{mode:o}", role, mode)
            finding = self.one(kept)
            self.assertEqual((finding.severity, finding.where), (severity, kept.path), finding)
            self.assertIn(f"others may {verb}", finding.what)
            subprocess.run(["/bin/sh", "-c", finding.mend], check=True)
            self.assertEqual(self.one(kept).severity, OK, finding.mend)

    def test_secret_in_settings(self) -> None:
        """Settings that everybody may read have no password of a URL in them."""
        kept = self.kept("netsuite.toml", CONFIG, 0o644)
        Path(kept.path).write_text("[proxy]\nupstream = ['http://me:hunter2@proxy.example:8080']\n")
        finding = self.one(kept)
        self.assertEqual((finding.severity, "password" in finding.what), (FAULT, True))
        self.assertNotIn("hunter2", finding.line())
        Path(kept.path).write_text("[proxy]\nupstream = ['http://me@proxy.example:8080/?mail=a:b@c']\n")
        self.assertEqual(self.one(kept).severity, OK)

    def test_replaceable(self) -> None:
        """A file in a folder that anybody may write, and so put another in its place."""
        kept = self.kept("users", USERS, 0o640)
        self.folder.chmod(0o777)
        self.assertIn("anybody may put another in its place", self.one(kept).what)
        self.folder.chmod(0o1777)
        self.assertEqual(self.one(kept).severity, OK)

    def test_kind(self) -> None:
        """A folder as store, a file as folder."""
        for name, role, made in (("a", STORE, STATE), ("b", STATE, STORE)):
            kept = Kept("echo --store", self.kept(name, made, 0o700).path, role)
            told = [finding.what for finding in judge([look(kept)], self.me)]
            self.assertTrue(any("folder" in what for what in told), told)


class AccessTests(Planted):
    """Who runs the service can do with its files what it has to."""

    def test_missing(self) -> None:
        """What has to be there isn't: a fault; what is made is none, unless the folder can't be written."""
        path = str(self.folder / "x/y/words.db")
        self.assertEqual(self.one(Kept("echo --htpasswd", path, USERS, True)).what, "is not there")
        self.assertEqual(judge([look(Kept("", path, STORE))], self.me), [])
        self.assertEqual(judge([look(Kept("", path, SECRET))], SOMEBODY), [])
        finding = self.one(Kept("", path, STORE), SOMEBODY)
        self.assertIn(f"somebody can't make it: no permission to write in {self.folder}", finding.what)

    def test_anothers(self) -> None:
        """A file that the user may not read, or not write, is told with whose it is."""
        self.folder.chmod(0o755)
        mine = pwd.getpwuid(os.geteuid()).pw_name
        for role, mode, verb in ((SECRET, 0o600, "read"), (STORE, 0o600, "write"), (USERS, 0o640, "read")):
            finding = self.one(self.kept(role, role, mode), SOMEBODY)
            self.assertEqual(finding.severity, FAULT)
            self.assertIn(f"somebody can't {verb} it: it is {mine}:", finding.what)

    def test_folder(self) -> None:
        """Where the folder is another's, that is said once, not of each file in it."""
        self.folder.chmod(0o755)
        kept = [Kept("echo --store", str(self.folder), STATE)]
        kept += [self.kept(name, STORE, 0o600) for name in ("a", "b")]
        [finding] = [one for one in judge([look(each) for each in kept], SOMEBODY) if one.severity == FAULT]
        self.assertEqual(finding.where, str(self.folder))

    def test_roots(self) -> None:
        """A store that root has made in the service's folder, by starting it once without --uid."""
        require("root", os.geteuid() == 0)
        kept = self.kept("words.db", STORE, 0o600)
        os.chown(self.folder, 1234, 1234)
        finding = self.one(kept, user(uid=0))
        self.assertIn("who will not be able to use it", finding.what)
        subprocess.run(["/bin/sh", "-c", finding.mend], check=True)
        self.assertEqual(self.one(kept, user(uid=0)).severity, OK)
        self.assertEqual(owner_of([Kept("", str(self.folder), STATE)]), 1234)

    def test_unseen(self) -> None:
        """A path that can't be looked at, since a part of it is a file."""
        kept = self.kept("a", SECRET, 0o600)
        finding = self.one(Kept("echo --htpasswd", f"{kept.path}/users", USERS, True))
        self.assertEqual(finding.severity, FAULT)

    def test_users(self) -> None:
        """Users are known by name and by number, those without a name too."""
        self.assertEqual(user("root").uid, 0)
        self.assertEqual(user(uid=54321), User(54321, frozenset((54321,)), "user 54321"))
        self.assertEqual(user("54321").uid, 54321)
        self.assertRaises(KeyError, user, "nobody-of-that-name")

    @settings(deadline=None, max_examples=100)
    @given(st.integers(0, 0o777), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 7))
    def test_may(self, mode: int, who: int, uid: int, gid: int, bits: int) -> None:
        """Only one of the three parts of a mode counts; root may everything."""
        one = User(who, frozenset((who,)), "")
        part = (mode >> 6 if uid == who else mode >> 3 if gid == who else mode) & 7
        self.assertEqual(may(one, mode, uid, gid, bits), part & bits == bits)
        self.assertTrue(may(User(0, frozenset(), "root"), mode, uid, gid, bits))


class DiskTests(SynchronousTestCase):
    """Room on disks."""

    def test_real(self) -> None:
        """A disk that is nearly full, and one that is read-only, mounted for this."""
        trial = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
        may_mount = os.geteuid() == 0 and shutil.which("unshare")
        require(
            "mounts", may_mount and subprocess.run(trial, capture_output=True, check=False).returncode == 0
        )
        folder = self.mktemp()
        os.mkdir(folder)
        script = (
            'mount -t tmpfs -o size=1m none "$1"; touch "$1/a.db"; chmod 600 "$1/a.db"; '
            'mount -o remount,ro "$1"; exec "$2" -c "$3" "$1"'
        )
        words = [
            "unshare",
            "--mount",
            "sh",
            "-ec",
            script,
            "sh",
            os.path.abspath(folder),
            sys.executable,
            LOOK,
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=clean_environment())
        first, second = done.stdout.splitlines()
        self.assertRegex(first, r"^fault    disk: \S+: [01] MiB free; make room")
        self.assertRegex(second, r"^fault    files: \S+/a\.db: its file system is read-only")

    def test_here(self) -> None:
        """A folder that isn't there yet is on the disk of that above it; two of one disk are told once."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        found = room([str(folder), str(folder / "a/b")])
        self.assertEqual([one.folder for one in found], [str(folder)])

    def test_bounds(self) -> None:
        """Little is warned of, less is a fault; few files are warned of."""
        for told, severity in (
            (Room("/x", 63 << 20), FAULT),
            (Room("/x", 1000 << 20), WARNING),
            (Room("/x", 1 << 40, 10), WARNING),
            (Room("/x", 1 << 40, None), OK),
            (Room("/x", error="gone"), "unknown"),
        ):
            [finding] = judge_room([told])
            self.assertEqual(finding.severity, severity, told)


class SecretsTests(SynchronousTestCase):
    """What is shown of a file's content: nothing."""

    def test_seen(self) -> None:
        """A look keeps none of it."""
        path = Path(self.mktemp())
        path.write_text("x = 'http://a:hunter2@b/'")
        self.assertIsInstance(found := look(Kept("", str(path), CONFIG)), Seen)
        self.assertNotIn("hunter2", repr(found))

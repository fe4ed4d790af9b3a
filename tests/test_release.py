"""A release is refused where it should be, and makes of a tree what it should; nightly the whole is tried."""

from __future__ import annotations

import gzip
import importlib.machinery
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import ModuleType
from unittest import SkipTest, TestCase

from tests.real.parts import require
from tests.scale import NIGHTLY

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / ".ci" / "release"

SETTINGS = "[metadata]\nname = netsuite\nversion = {}\n"
CHANGELOG = "Changes\n=======\n\n.. towncrier release notes start\n"

#: Who commits in these repositories, whoever runs the tests.
GIT = ["git", "-c", "user.name=Tests", "-c", "user.email=tests@example.org", "-c", "commit.gpgsign=false"]


def script() -> ModuleType:
    """The script, as a module."""
    loader = importlib.machinery.SourceFileLoader("netsuite_release", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


class TreeTests(TestCase):
    """A small tree in git, with what the script looks at."""

    def setUp(self) -> None:
        require("git", shutil.which("git"))
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="netsuite-release-")))
        self.release = script()
        (self.root / "newsfragments").mkdir()
        self.write("setup.cfg", SETTINGS.format("1.2.3"))
        self.write("CHANGELOG.rst", CHANGELOG)
        self.write("newsfragments/7.echo.feature.rst", "It says more.\n")
        self.write("newsfragments/8.echo.bugfix.rst", "It says less.\n")
        shutil.copy(ROOT / "pyproject.toml", self.root)
        self.git("init", "-q")
        self.commit()

    def write(self, name: str, text: str) -> None:
        """A file of the tree."""
        (self.root / name).write_text(text)

    def git(self, *arguments: str) -> None:
        """git has done that."""
        subprocess.run([*GIT, *arguments], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        """The tree has no changes."""
        self.git("add", ".")
        self.git("commit", "-q", "-m", "all", "--allow-empty")

    def test_sound(self) -> None:
        """A clean tree with something to tell may be released, also as a candidate."""
        self.assertEqual(self.release.faults(self.root), [])
        self.write("setup.cfg", SETTINGS.format("1.2.3rc1"))
        self.commit()
        self.assertEqual(self.release.faults(self.root), [])

    def test_refused(self) -> None:
        """A dirty tree, a tag, a place in the changelog, no fragments: all is told, nothing changes."""
        self.git("rm", "-q", "-r", "newsfragments")
        self.write(
            "CHANGELOG.rst", CHANGELOG + "\nnetsuite 1.2.3 (2026-01-05)\n===========================\n"
        )
        self.commit()
        self.git("tag", "v1.2.3")
        self.write("stray", "")
        self.write("setup.cfg", SETTINGS.format("1.2.3") + "\n")
        found = "\n".join(self.release.faults(self.root))
        for part in (
            "changes: M setup.cfg and 1 more",
            "tag v1.2.3",
            "CHANGELOG.rst has 1.2.3",
            "newsfragments",
        ):
            self.assertIn(part, found)
        self.assertEqual(found.count("\n"), 3)
        with self.assertRaisesRegex(SystemExit, "(?s)^release: the tree .*\nrelease: there is a tag"):
            self.release.release(self.root, "2026-01-05", check=False)
        self.assertFalse((self.root / "dist").exists())

    def test_versions(self) -> None:
        """Three numbers, perhaps a candidate; nothing else."""
        for version in ("0.1.0", "10.20.30", "1.0.0rc2"):
            self.assertTrue(self.release.VERSION.fullmatch(version), version)
        for version in ("1.0", "1.0.0.0", "01.0.0", "1.0.0-1", "1.0.0rc0", "1.0.0.dev1", "v1.0.0", "1.0.0+x"):
            self.write("setup.cfg", SETTINGS.format(version))
            self.commit()
            self.assertEqual(len(self.release.faults(self.root)), 1, version)

    def test_changelog(self) -> None:
        """The changelog gets the version with its fragments, sorted by kind; these are gone from the tree."""
        require("towncrier", importlib.util.find_spec("towncrier"))
        self.release.render(self.root, "1.2.3", "2026-01-05")
        text = (self.root / "CHANGELOG.rst").read_text()
        self.assertIn("netsuite 1.2.3 (2026-01-05)\n===========================\n", text)
        self.assertRegex(text, r"(?s)New\n---\n\n- It says more\. .*Mended\n------\n\n- It says less\.")
        self.assertEqual(list((self.root / "newsfragments").glob("*.rst")), [])
        self.assertEqual(
            self.release.faults(self.root)[1:],
            [
                "CHANGELOG.rst has 1.2.3 already",
                "newsfragments/ is empty: there is nothing to tell of this version",
            ],
        )


class ArchiveTests(TestCase):
    """What is packed does not tell who packed it, where and when."""

    def packed(self, folder: Path, mode: int, names: list[str]) -> bytes:
        """An archive of files in this order, of this mode, after it was settled."""
        path = folder / "x.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size, member.mode, member.mtime, member.uname = 4, mode, os.getpid(), "somebody"
                archive.addfile(member, io.BytesIO(b"text"))
        script().settle(path, 1767571200)
        return path.read_bytes()

    def test_settled(self) -> None:
        """The same files make the same bytes, in whatever order and with whatever rights they were packed."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        one = self.packed(folder, 0o600, ["a", "b"])
        self.assertEqual(self.packed(folder, 0o664, ["b", "a"]), one)
        self.assertNotEqual(self.packed(folder, 0o755, ["b", "a"]), one)
        self.assertNotIn(b"somebody", gzip.decompress(one))


class MetadataTests(TestCase):
    """What a package says of itself."""

    ABOUT = "Metadata-Version: 2.4\nName: netsuite\nVersion: {}\nDescription-Content-Type: text/x-rst\n\n{}"

    def judge(self, version: str, text: str) -> None:
        """The script's verdict on it, as version 1.2.3."""
        for name in ("packaging", "docutils"):
            require(name, importlib.util.find_spec(name))
        script().judge_metadata(self.ABOUT.format(version, text).encode(), "1.2.3")

    def test_judged(self) -> None:
        """Another version than its own, or a description that can't be shown, ends the release."""
        self.judge("1.2.3", "Title\n=====\n\nText.\n")
        with self.assertRaisesRegex(SystemExit, "calls itself netsuite 1.2.4"):
            self.judge("1.2.4", "Text.\n")
        with self.assertRaisesRegex(SystemExit, "can't be shown"):
            self.judge("1.2.3", "Title\n==\n\n`unfinished <\n")

    def test_readme(self) -> None:
        """Our README can be shown, and setup.cfg's version is one."""
        self.judge("1.2.3", (ROOT / "README.rst").read_text())
        self.assertTrue(script().VERSION.fullmatch(script().version_of(ROOT)))


class WholeTests(TestCase):
    """The release of what git has, as far as it goes without changing anything."""

    def test_checked(self) -> None:
        """Changelog, sdist and wheel are made, alike twice, looked through, installed and tried."""
        if not NIGHTLY:
            raise SkipTest("make nightly tries a whole release")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="netsuite-release-"))) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        done = subprocess.run(
            [sys.executable, ".ci/release", "--check"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("checked; nothing here has changed", done.stdout)
        status = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, check=True)
        self.assertEqual(status.stdout, b"")

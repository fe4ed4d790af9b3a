"""webdownload: a file whole or not at all, continued only where that is certain."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from netsuite.client import download
from netsuite.scripts import webdownload
from tests.client.files import DATA, LONG_AGO, Served
from tests.client.origin import HOLD, Origin, answer
from tests.scripts.tools import records
from tests.scripts.web import WebToolCase

SHA256 = hashlib.sha256(DATA).hexdigest()
DONE = "Download Complete.\n"


class DownloadCase(WebToolCase):
    """Downloads into a folder of its own."""

    def setUp(self) -> None:
        """A place for the file, and no long waits between tries."""
        self.file = self.path("out.bin")
        self.patch(download, "WAIT_SECONDS", 0.01)

    def served(self, **settings: Any) -> tuple[Served, Origin]:
        """A file, and an origin that serves it."""
        served = Served(**settings)
        return served, self.origin(served)

    async def get(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit status and outputs of webdownload."""
        return await self.ran(webdownload, *arguments)

    async def result(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit status and result of webdownload -j, and its notes."""
        code, output, errors = await self.get("-j", "--progress", "none", *arguments)
        [told] = records(output.decode())
        return code, told["result"] or {}, errors

    def litter(self) -> list[str]:
        """What there is beside the file."""
        return sorted(each.name for each in self.file.parent.iterdir() if each != self.file)

    def part(self, size: int, at: str, **known: Any) -> None:
        """A part is there of an earlier run."""
        Path(f"{self.file}.part").write_bytes(DATA[:size])
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        told = {"url": at, "tag": '"one"', "date": None, "length": len(DATA), "boot": boot, "synced": 0}
        Path(f"{self.file}.part.json").write_text(json.dumps({**told, **known}))


class FileTests(DownloadCase):
    """The file."""

    async def test_tutorial(self) -> None:
        """The file is there, and the tutorial's words are said."""
        _, origin = self.served()
        code, output, errors = await self.get(origin.url("/a"), str(self.file))
        lines = [f"Progress: {n}%\n" for n in (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)]
        self.assertEqual((code, errors), (0, ""))
        self.assertTrue(output.decode().endswith(f"Progress: 100%\n{DONE}"), output)
        self.assertLessEqual(set(output.decode().splitlines(True)), {*lines, DONE})
        self.assertEqual((self.file.read_bytes(), self.litter()), (DATA, []))

    async def test_no_length(self) -> None:
        """Without a length thousands of bytes are told."""
        origin = self.origin(b"HTTP/1.1 200 OK\r\n\r\n" + DATA[:60_213])
        code, output, _ = await self.get(origin.url("/a"), str(self.file))
        self.assertEqual((code, output.decode()), (0, f"Progress: 60K\n{DONE}"))

    async def test_time_and_mode(self) -> None:
        """The file is as old as the server says, and as private as the one that it replaces."""
        _, origin = self.served()
        self.file.write_bytes(b"old")
        self.file.chmod(0o640)
        self.assertEqual((await self.get("-f", origin.url(), str(self.file)))[0], 0)
        found = self.file.stat()
        self.assertEqual((found.st_mtime, found.st_mode & 0o777), (1767225600.0, 0o640))
        _, plain = self.served(changed=None)
        before = time.time() - 5
        await self.get("-f", plain.url(), str(self.file))
        self.assertGreater(self.file.stat().st_mtime, before)

    async def test_exists(self) -> None:
        """What is there is neither replaced without -f, nor asked for."""
        _, origin = self.served()
        self.file.write_bytes(b"old")
        code, _, errors = await self.get(origin.url(), str(self.file))
        self.assertEqual((code, self.file.read_bytes(), origin.asked), (12, b"old", []))
        self.assertIn("-f replaces it", errors)
        self.assertEqual((await self.get("-f", origin.url(), str(self.file)))[0], 0)
        self.assertEqual((self.file.read_bytes(), self.litter()), (DATA, []))
        for strange in ("/dev/null", str(self.path("x"))):
            Path(strange).parent.mkdir(exist_ok=True)
            if strange != "/dev/null":
                os.mkfifo(strange)
            self.assertEqual((await self.get("-f", origin.url(), strange))[0], 12)

    async def test_if_newer(self) -> None:
        """--if-newer fetches what is newer, and leaves alone what is not."""
        served, origin = self.served()
        self.assertEqual((await self.get("--if-newer", origin.url(), str(self.file)))[0], 0)
        self.assertEqual(
            await self.get("--if-newer", origin.url(), str(self.file)), (0, b"Not modified.\n", "")
        )
        self.assertEqual(origin.asked[-1].get("If-Modified-Since"), LONG_AGO)
        served.data, served.changed = b"new", "Sun, 04 Jan 2026 00:00:00 GMT"
        self.assertEqual((await self.get("--if-newer", origin.url(), str(self.file)))[0], 0)
        self.assertEqual(self.file.read_bytes(), b"new")
        unconditional = self.origin(answer("200 OK", b"new", f"Last-Modified: {LONG_AGO}"))
        code, output, _ = await self.get("--if-newer", unconditional.url(), str(self.file))
        self.assertEqual((code, output, self.litter()), (0, b"Not modified.\n", []))

    async def test_compressed(self) -> None:
        """Identity is asked for; what is compressed all the same is stored as it was before."""
        origin = self.origin(answer("200 OK", gzip.compress(b"x" * 5000), "Content-Encoding: gzip"))
        code, output, _ = await self.get(origin.url(), str(self.file))
        self.assertEqual((code, self.file.read_bytes()), (0, b"x" * 5000))
        self.assertIn(b"Progress: 100%\n", output)
        self.assertNotRegex(output, rb"\d{4,}%")
        self.assertEqual(origin.asked[0].get("Accept-Encoding"), "identity")

    async def test_unasked(self) -> None:
        """A 304 that nobody asked for, or no content, is no file."""
        for status in ("304 Not Modified", "204 No Content"):
            origin = self.origin(f"HTTP/1.1 {status}\r\n\r\n".encode())
            code, output, _ = await self.get("--if-newer", origin.url(), str(self.file))
            self.assertEqual((code, output, self.litter()), (10, b"", []))

    async def test_private(self) -> None:
        """While it is made the file is as private as the one that it replaces."""
        self.file.write_bytes(b"old")
        self.file.chmod(0o600)
        origin = self.origin(answer(body=DATA, length=len(DATA) + 1))
        await self.get("-f", "-r", "0", origin.url(), str(self.file))
        self.assertEqual(Path(f"{self.file}.part").stat().st_mode & 0o777, 0o600)

    async def test_empty(self) -> None:
        """A file of no bytes is a file."""
        origin = self.origin(answer(body=b""))
        self.assertEqual((await self.get(origin.url(), str(self.file)))[0], 0)
        self.assertEqual((self.file.read_bytes(), self.litter()), (b"", []))

    async def test_names(self) -> None:
        """Without FILE the name is the URL's; --server-name takes the server's, cleaned."""
        folder = self.file.parent
        _, origin = self.served(fields=('Content-Disposition: attachment; filename="../../.bashrc"',))
        self.assertEqual((await self.get(origin.url("/d/a%20b.txt?x=1"), f"{folder}/"))[0], 0)
        self.assertEqual(self.litter(), ["a b.txt"])
        self.assertEqual((await self.get("--server-name", origin.url("/c"), f"{folder}/"))[0], 0)
        self.assertEqual(self.litter(), ["a b.txt", "bashrc"])
        code, _, errors = await self.get("--server-name", origin.url("/c"), f"{folder}/")
        self.assertEqual((code, self.litter()), (12, ["a b.txt", "bashrc"]))
        self.assertIn("bashrc: is there already", errors)

    async def test_attributes(self) -> None:
        """--xattr notes where the file comes from, without secrets."""
        _, origin = self.served(fields=("Content-Type: text/plain; x=y",))
        try:
            os.setxattr(self.file.parent, "user.test", b"x")
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                raise SkipTest("NOT TESTED: no extended attributes in this folder") from None
            raise
        await self.get("--xattr", origin.url("/a?key=secret"), str(self.file))
        self.assertEqual(os.getxattr(self.file, "user.xdg.origin.url"), origin.url("/a").encode())
        self.assertEqual(os.getxattr(self.file, "user.mime_type"), b"text/plain")

    async def test_limits(self) -> None:
        """--max-size holds for what is announced and for what comes."""
        for origin in (self.served()[1], self.origin(b"HTTP/1.1 200 OK\r\n\r\n" + DATA)):
            code, _, errors = await self.get("--max-size", "50000", origin.url(), str(self.file))
            self.assertEqual((code, self.file.exists()), (14, False), errors)

    async def test_rate(self) -> None:
        """--limit-rate lets no more come than it says, within a tenth."""
        _, origin = self.served(data=DATA * 5)
        began = reactor.seconds()
        self.assertEqual((await self.get("--limit-rate", "1000000", origin.url(), str(self.file)))[0], 0)
        seconds = reactor.seconds() - began
        self.assertGreater(seconds, 0.45)  # a slow machine may take longer: that is no fault of the limit's
        self.assertEqual(self.file.read_bytes(), DATA * 5)


class ResumeTests(DownloadCase):
    """What is continued, and what is not."""

    async def resumed(self, served: Served, size: int = 40_000, **known: Any) -> tuple[dict[str, Any], str]:
        """The result where a part is there; the file is right in any case."""
        origin = self.origin(served)
        self.file.unlink(missing_ok=True)
        self.part(size, origin.url("/a"), **known)
        code, result, errors = await self.result(origin.url("/a"), str(self.file))
        self.assertEqual((code, self.litter()), (0, []), errors)
        self.assertEqual(self.file.read_bytes(), served.data)
        self.asked = origin.asked
        return result, errors

    async def test_continued(self) -> None:
        """The same version is continued from where it ended, by its tag or its date."""
        for known, condition in (({}, '"one"'), ({"tag": None, "date": LONG_AGO}, LONG_AGO)):
            result, errors = await self.resumed(Served(), **known)
            self.assertEqual((result["resumed_from"], result["status"], errors), (40_000, 206, ""))
            self.assertEqual((result["sha256"], result["bytes"]), (SHA256, len(DATA)))
            [asked] = self.asked
            self.assertEqual((asked.get("Range"), asked.get("If-Range")), ("bytes=40000-", condition))

    async def test_finished(self) -> None:
        """A part of which nothing is missing becomes the file."""
        result, _ = await self.resumed(Served(), len(DATA))
        self.assertEqual((result["resumed_from"], result["status"]), (len(DATA), 416))

    async def test_changed(self) -> None:
        """A file that has changed is fetched from its beginning, and that is said."""
        new = DATA[::-1]
        for served in (
            Served(new, tag='"two"'),
            Served(new, tag=None, changed="Sun, 04 Jan 2026 00:00:00 GMT"),
            Served(new, ranges=False),
        ):
            result, errors = await self.resumed(served)
            self.assertEqual((result["resumed_from"], result["status"]), (None, 200))
            self.assertIn("from the beginning: the server sends all of it", errors)

    async def test_lies(self) -> None:
        """A 206 that does not begin where it should, or is of something else, is not believed."""
        for lies, told in (
            ("early", "from byte 39999 on, not from 40000"),
            ("late", "from byte 40001 on, not from 40000"),
            ("total", "a part of something else"),
            ("tag", "a part of another version"),
        ):
            result, errors = await self.resumed(Served(lies=lies))
            self.assertEqual((result["resumed_from"], result["status"]), (None, 200))
            self.assertIn(told, errors)
            self.assertEqual([asked.get("Range") for asked in self.asked], ["bytes=40000-", None])

    async def test_other_length(self) -> None:
        """A 416 with another length than ours is no proof that nothing is missing."""
        result, errors = await self.resumed(Served(DATA[:90_000]), len(DATA))
        self.assertEqual(result["resumed_from"], None)
        self.assertIn("not the length that is expected", errors)

    async def test_nothing_certain(self) -> None:
        """Nothing is continued of another URL, after another start, or without a tag or a note."""
        for known in (
            {"url": "http://other.example/"},
            {"tag": None},
            {"boot": "another"},
            {"length": 30_000},
            {"tag": 5, "length": "x"},
            {"tag": None, "date": "x\r\nX: y"},
        ):
            result, errors = await self.resumed(Served(), **known)
            self.assertEqual((result["resumed_from"], self.asked[0].get("Range")), (None, None), known)
        self.file.unlink()
        Path(f"{self.file}.part").write_bytes(DATA[::-1])
        _, origin = self.served()
        code, _, errors = await self.get(origin.url(), str(self.file))
        self.assertEqual((code, self.file.read_bytes()), (0, DATA))
        self.assertIn("nothing certain is known", errors)

    async def test_other_start(self) -> None:
        """After another start of the machine the part is trusted as far as it was synced."""
        result, _ = await self.resumed(Served(), boot="another", synced=10_000)
        self.assertEqual(result["resumed_from"], 10_000)

    async def test_weak_validators(self) -> None:
        """With a weak tag, or a date just before the answer's, a part is not continued."""
        for settings in (
            {"tag": 'W/"one"', "changed": None},
            {"tag": None, "changed": "Mon, 05 Jan 2026 09:59:30 GMT"},
        ):
            served, origin = self.served(drop=40_000, **settings)
            self.file.unlink(missing_ok=True)
            self.assertEqual((await self.get("-r", "0", origin.url(), str(self.file)))[0], 9)
            self.assertEqual(self.litter(), ["out.bin.part"])
            served.drop = None
            _, result, errors = await self.result(origin.url(), str(self.file))
            self.assertEqual(result["resumed_from"], None)
            self.assertIn("from the beginning: nothing certain", errors)

    async def test_no_resume(self) -> None:
        """--no-resume begins anew."""
        _, origin = self.served()
        self.part(40_000, origin.url())
        code, result, _ = await self.result("--no-resume", origin.url(), str(self.file))
        self.assertEqual((code, result["resumed_from"], origin.asked[0].get("Range")), (0, None, None))

    async def test_one_at_a_time(self) -> None:
        """Two at the same file do not get into each other's way."""
        origin = self.origin(lambda _: [answer(body=DATA, length=200_000), HOLD])
        running = Deferred.fromCoroutine(self.get(origin.url(), str(self.file)))
        while not Path(f"{self.file}.part").exists():
            await deferLater(reactor, 0.01)
        code, _, errors = await self.get(origin.url(), str(self.file))
        self.assertEqual((code, "another webdownload" in errors), (12, True), errors)
        running.cancel()
        await running


class CheckTests(DownloadCase):
    """Checksums."""

    def sums(self, text: str) -> str:
        """A file with checksums."""
        path = self.path("SUMS")
        path.write_text(text)
        return str(path)

    async def test_sha256(self) -> None:
        """The right one is 0; another is 13, the bytes are kept aside, and what was there stays."""
        _, origin = self.served()
        code, result, _ = await self.result("--sha256", SHA256.upper(), origin.url(), str(self.file))
        self.assertEqual((code, result["verified"], result["sha256"]), (0, "sha256", SHA256))
        self.file.write_bytes(b"old")
        code, output, errors = await self.get("-f", "--sha256", "0" * 64, origin.url(), str(self.file))
        self.assertEqual((code, self.file.read_bytes(), self.litter()), (13, b"old", ["out.bin.bad"]))
        kept = f"kept as {self.file}.bad, {self.file} untouched"
        told = f"Error: checksum differs: expected {'0' * 64}, got {SHA256}; {kept}\n"
        self.assertEqual(errors, told)
        self.assertNotIn(b"Complete", output)

    async def test_sums(self) -> None:
        """Files of GNU's and BSD's form; a name that is not in them is 12."""
        _, origin = self.served()
        md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        sha512 = hashlib.sha512(DATA).hexdigest()
        for text, code, verified in (
            (f"{'0' * 64}  other\n{SHA256}  out.bin\n", 0, "sha256"),
            (f"{SHA256} *./dir/out.bin\n", 0, "sha256"),
            (f"SHA512 (out.bin) = {sha512}\n", 0, "sha512"),
            (f"{md5}  out.bin\n", 0, "md5"),
            (f"SHA256 (out.bin) = {'1' * 64}\n", 13, None),
            (f"{SHA256}  other.bin\nnonsense\n", 12, None),
        ):
            self.file.unlink(missing_ok=True)
            found, result, _ = await self.result("--sums", self.sums(text), origin.url(), str(self.file))
            self.assertEqual((found, result.get("verified")), (code, verified), text)

    async def test_server(self) -> None:
        """What the server says that its bytes add up to is held against them, also after continuing."""
        right = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
        wrong = base64.b64encode(bytes(32)).decode()
        for said, code in (
            (f"Repr-Digest: sha-256=:{right}:", 0),
            (f"Repr-Digest: sha-256=:{wrong}:", 13),
            (f"Digest: SHA-256={right}", 0),
            (f"Digest: md5=x, SHA-256={wrong}", 13),
            ("Repr-Digest: sha-256=nonsense, unknown=:AA==:", 0),
        ):
            self.file.unlink(missing_ok=True)
            _, origin = self.served(fields=(said,))
            self.part(40_000, origin.url())
            found, result, errors = await self.result(origin.url(), str(self.file))
            self.assertEqual((found, result["resumed_from"]), (code, 40_000), (said, errors))

    async def test_mirrors(self) -> None:
        """With several URLs the checksum decides which one's bytes are taken."""
        _, bad = self.served(data=DATA[::-1])
        _, good = self.served()
        gone = self.origin(b"")
        gone.close()
        arguments = ["--sha256", SHA256, "-r", "0", "-H", "Cookie: secret"]
        mirrors = ["--mirror", gone.url(), "--mirror", good.url("/m")]
        code, result, errors = await self.result(*arguments, *mirrors, bad.url("/a"), str(self.file))
        self.assertEqual((code, self.file.read_bytes(), result["tries"]), (0, DATA, 3), errors)
        self.assertEqual((bad.asked[0].get("Cookie"), good.asked[0].get("Cookie")), ("secret", None))
        self.assertIn("the next mirror is asked", errors)


class RetryTests(DownloadCase):
    """What is tried again."""

    async def test_drops(self) -> None:
        """A server that drops every connection after a while still gives all of its file."""
        _, origin = self.served(data=DATA * 2, drop=30_000)
        code, result, errors = await self.result(origin.url(), str(self.file))
        self.assertEqual((code, self.file.read_bytes()), (0, DATA * 2), errors)
        self.assertEqual((result["tries"], result["resumed_from"]), (7, 180_000))

    async def test_no_progress(self) -> None:
        """One that gives nothing more is left after the tries; the part is kept for another time."""
        served, origin = self.served(drop=0)
        self.part(40_000, origin.url())
        code, result, _ = await self.result("-r", "2", origin.url(), str(self.file))
        self.assertEqual((code, result["tries"], self.file.exists()), (9, 3, False))
        self.assertEqual(self.litter(), ["out.bin.part", "out.bin.part.json"])
        served.drop = None
        code, result, _ = await self.result(origin.url(), str(self.file))
        self.assertEqual((code, result["resumed_from"]), (0, 40_000))

    async def test_short_and_long(self) -> None:
        """One byte less than announced, or one more, is 9; what came is kept, and no file is made."""
        for sent in (answer(body=DATA[:-1], length=len(DATA)), answer(body=DATA, length=len(DATA) - 1)):
            code, _, _ = await self.get("-r", "0", self.origin(sent).url(), str(self.file))
            self.assertEqual((code, self.file.exists(), self.litter()), (9, False, ["out.bin.part"]))

    async def test_statuses(self) -> None:
        """What the server asks to wait for is waited for; what will not pass is not tried again."""
        _, origin = self.served(statuses=["429 Slow down", "503 Later", "200"], fields=("Retry-After: 0",))
        code, result, errors = await self.result(origin.url(), str(self.file))
        self.assertEqual((code, result["tries"]), (0, 3), errors)
        self.assertIn("429 Slow down; again in 0.0 s", errors)
        self.file.unlink()
        for status, code, tries in (("404 Not Found", 10, 1), ("401 Who", 11, 1), ("206 Partial", 10, 1)):
            _, origin = self.served(statuses=[status] * 9)
            found, result, _ = await self.result(origin.url(), str(self.file))
            self.assertEqual((found, result["tries"], self.litter()), (code, tries, []))
        _, origin = self.served(statuses=["429 x"] * 9, fields=("Retry-After: 86400",))
        found, result, _ = await self.result(origin.url(), str(self.file))
        self.assertEqual((found, result["tries"]), (15, 1))

    async def test_refused(self) -> None:
        """A server that is not there is asked again so often."""
        gone = self.origin(b"")
        gone.close()
        code, result, _ = await self.result("-r", "2", gone.url(), str(self.file))
        self.assertEqual((code, result["tries"], self.litter()), (5, 3, []))


class ListTests(DownloadCase):
    """Lists."""

    async def test_list(self) -> None:
        """A list with one that is not there: the others are whole, and the exit status tells of it."""
        _, origin = self.served()
        missing = self.origin(answer("404 Not Found"))
        folder = self.file.parent
        names = [f"{folder}/{n}" for n in range(5)]
        lines = ["# a list", "", *(f"{origin.url(f'/{n}')} {name}" for n, name in enumerate(names))]
        lines.insert(4, f"{missing.url('/x')} {folder}/x")
        path = self.path("list")
        path.write_text("\n".join(lines))
        code, output, errors = await self.get("-i", str(path), "-P", "3")
        self.assertEqual((code, errors), (10, f"Error: {missing.url('/x')}: 404 Not Found\n"))
        self.assertEqual([Path(name).read_bytes() == DATA for name in names], [True] * 5)
        self.assertEqual(output.decode().count(DONE), 5)
        code, output, _ = await self.get("-f", "-j", "-i", str(path))
        told = records(output.decode())
        self.assertEqual((code, sorted(each["exit"] for each in told)), (10, [0, 0, 0, 0, 0, 10]))
        self.assertIn({"url": missing.url("/x")}, [each["target"] for each in told])

    async def test_usage(self) -> None:
        """What makes no sense is refused before anything is asked."""
        bad = self.path("list")
        bad.write_text("ftp://x/\n")
        for arguments in (
            [],
            ["http://h/", "a", "b"],
            ["-i", "x", "http://h/"],
            ["http://h/", "-"],
            ["-i", str(bad)],
            ["-f", "--if-newer", "http://h/"],
            ["--sha256", "abc", "http://h/"],
            ["--sha256", "0" * 40, "http://h/"],
            ["--sha256", "0" * 64, "--sums", "x", "http://h/"],
            ["--progress", "x", "http://h/"],
            ["--limit-rate", "0", "http://h/"],
            ["-P", "0", "http://h/"],
        ):
            code, output, errors = await self.get(*arguments)
            self.assertEqual((code, output), (2, b""), (arguments, errors))
        self.assertEqual((await self.get("-i", "/nonexistent"))[0], 12)


class CauseTests(DownloadCase):
    """webcat's causes, by webdownload."""

    async def test_causes(self) -> None:
        """Name, silence, folder that is not there."""
        hold = self.origin(lambda _: [HOLD])
        for arguments, code in (
            (["-r", "0", "http://no-such-name.invalid/", str(self.file)], 4),
            (["-r", "0", "-t", "0.2", hold.url(), str(self.file)], 6),
            ([hold.url(), str(self.file.parent / "none" / "x")], 12),
            (["--public-only", hold.url(), str(self.file)], 14),
        ):
            done = await self.get(*arguments)
            self.assertEqual((done[0], self.litter()), (code, []), (arguments, done))

    async def test_progress_json(self) -> None:
        """--progress json is lines of JSON on standard error."""
        _, origin = self.served()
        code, output, errors = await self.get("--progress", "json", origin.url(), str(self.file))
        told = records(errors)
        self.assertEqual((code, output.decode()), (0, DONE))
        whole = {"event": "progress", "file": str(self.file), "bytes": len(DATA), "total": len(DATA)}
        self.assertEqual(told[-1], whole)

"""validate with the real Nu checker: npm's vnu-jar (``.ci/vnu`` fetches it) and Debian's Java."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate.local import IN_MODULES
from netsuite.validate.page import page
from tests.real.parts import ROOT, Child, answers, clean_environment, free_ports, require, until
from tests.scale import NIGHTLY
from tests.scripts.tools import PATIENCE, command
from tests.validate.test_told import REPORTS

JAR = ROOT / ".vnu" / IN_MODULES

GOOD = "<!DOCTYPE html>\n<html lang=en>\n<title>x</title>\n<p id=a>x\n"
BAD = f"{GOOD}<p id=a>y\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg">\n<title>x</title>\n<%s/>\n</svg>\n'
JAPANESE = (
    "<!DOCTYPE html>\n<html lang=ja>\n<meta charset=shift_jis>\n<title>日本語の題名</title>\n"
    "<p>日本語の文章です。<b>終わり\n"
)

#: Documents of the test of many; all of them at night.
MANY = 1000 if NIGHTLY else 150


class RealCase(SynchronousTestCase):
    """The tool as users run it, with a cache of its own."""

    def setUp(self) -> None:
        require("vnu", shutil.which("java") and JAR.is_file())
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-validate-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        cache = str(self.folder / "cache")
        self.env = clean_environment(
            {"NETSUITE_VNU_JAR": str(JAR), "XDG_CACHE_HOME": cache, "PYTHONUTF8": "1"}
        )

    def write(self, name: str, text: str | bytes) -> str:
        """The path of a new document."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def said(self, words: list[str]) -> tuple[int, str, str]:
        """A command's exit status, standard output and standard error."""
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def told(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """validate's exit status, and each document's object by its name."""
        code, output, errors = self.said(command("validate", "-j", *arguments))
        self.assertEqual(output.count("\n"), 1, errors)
        return code, {Path(file["file"]).name: file for file in json.loads(output)["result"]["files"]}


class VerdictTests(RealCase):
    """What the checker says comes through as it is meant."""

    def test_kinds(self) -> None:
        """HTML, XHTML, SVG and CSS, good and bad ones, with the right lines, all in one call."""
        names = {
            "good.html": GOOD,
            "bad.html": BAD,
            "good report.html": page(REPORTS, "Nu, local"),
            "good.svg": SVG % "g",
            "bad.svg": SVG % "foo",
            "good.css": "p {\n color: red }\n",
            "bad.css": "p {\n color: red;\n colr: red }\n",
            "bad.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n'
            "<head><title>x</title></head>\n<body><p>x</body></html>\n",
            "japanese.html": JAPANESE.encode("shift_jis"),
            "utf16.html": GOOD.encode("utf-16"),
            "deep.html": GOOD + "<div>" * 700,
            "noise.html": bytes(range(256)) * 16,
            "empty.html": "",
            "latin.html": GOOD.replace("<p id=a>x", "<p>Le café où il a été élevé").encode("latin-1"),
        }
        code, files = self.told(*[self.write(name, text) for name, text in names.items()])
        verdicts = {name: file["verdict"] for name, file in files.items()}
        self.assertEqual(
            verdicts, {name: "valid" if name.startswith("good") else "invalid" for name in names}
        )
        self.assertEqual(code, 1)
        errors = {
            name: [(m["line"], m["text"]) for m in file["messages"] if m["type"] == "error"]
            for name, file in files.items()
        }
        self.assertEqual(errors["bad.html"], [(5, 'Duplicate ID "a".')])
        self.assertEqual(errors["bad.css"], [(3, 'CSS: "colr": Property "colr" doesn\'t exist.')])
        self.assertEqual({line for line, _ in errors["bad.svg"]}, {3})
        self.assertEqual({line for line, _ in errors["bad.xhtml"]}, {3})
        only = 'The only allowed value for the "charset" attribute for the "meta" element is "utf-8".'
        self.assertIn((3, only), errors["japanese.html"])
        for name in ("japanese.html", "utf16.html", "latin.html"):
            self.assertNotIn("Malformed", str(errors[name]))
        self.assertNotIn("disagrees", str(errors))
        sixteen = "The document is utf-16le; documents of HTML must be UTF-8."
        self.assertEqual(
            [text for _, text in errors["utf16.html"]],
            [sixteen],
        )
        self.assertIn("not declared", errors["latin.html"][0][1])

    def test_bomb(self) -> None:
        """Entities without end (the checker has no bound for them) cost --timeout, and get no verdict.

        Nor does what breaks the checker; all others have theirs.
        """
        if not NIGHTLY:
            raise SkipTest("nightly: it burns a core for seconds")
        levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "x" * 99}">' for n in range(12))
        bomb = f'<!DOCTYPE svg [{levels}]><svg xmlns="http://www.w3.org/2000/svg">&l11;</svg>'
        odd = self.write("odd.svg", b"\xff\xfe\x00\xd8<svg/>")
        code, files = self.told("-t", "5", odd, self.write("bomb.svg", bomb), self.write("good.html", GOOD))
        verdicts = [file["verdict"] for file in files.values()]
        self.assertEqual((code, verdicts[1:]), (3, ["unreadable", "valid"]))
        self.assertNotEqual(verdicts[0], "valid")


class ServiceTests(RealCase):
    """A checker of one's own: the real one, as the service that comes with it."""

    def test_service(self) -> None:
        """The form is one that it takes; its JSON and its page are both read, for all kinds of documents."""
        if not NIGHTLY:
            raise SkipTest("nightly: the service takes ten seconds of a core to start")
        [port] = free_ports(1)
        service = Child("nu")
        self.addCleanup(service.close)
        where = "-Dnu.validator.servlet.bind-address=127.0.0.1"
        service.start(["java", "-Xss8m", where, "-cp", str(JAR), "nu.validator.servlet.Main", str(port)])
        until("it answers", lambda: answers("127.0.0.1", port))
        names = {
            "good.html": GOOD.replace("<title>", "<meta charset=utf-8><title>"),
            "bad.html": BAD,
            "good.svg": SVG % "g",
            "bad.svg": SVG % "foo",
            "bad.css": "p {\n color: red;\n colr: red }\n",
        }
        paths = [self.write(name, text) for name, text in names.items()]
        url = f"http://127.0.0.1:{port}/"
        code, files = self.told("--service", url, *paths)
        verdicts = {name: file["verdict"] for name, file in files.items()}
        self.assertEqual(verdicts, {name: "valid" if "good" in name else "invalid" for name in names})
        self.env["BROWSER"] = "true"
        for path in paths[:2]:
            code, pages = self.told("--no-cache", "--service", url, "--browser", path)
            name = Path(path).name
            self.assertEqual((code, pages[name]["verdict"]), (0 if "good" in name else 1, verdicts[name]))
        self.assertIn((5, 1), [(m["line"], m["column"]) for m in pages["bad.html"]["messages"]])


class ProcessTests(RealCase):
    """One process, and nothing leaves the machine."""

    def test_many_and_no_connection(self) -> None:
        """One process of Java checks many documents without any network, and asks for none."""
        require("strace", shutil.which("strace"))
        pages = self.folder / "pages"
        pages.mkdir()
        linked = (
            '<link rel=stylesheet href="http://127.0.0.1:9/a.css"><img alt="" src="http://127.0.0.1:9/b.png">'
        )
        for number in range(MANY):
            body = GOOD.replace("</title>", f"</title>{linked}") if number % 2 else BAD
            (pages / f"{number:04}.html").write_text(f"{body}<p>{number}\n")
        dtd = (
            '<!DOCTYPE html SYSTEM "http://127.0.0.1:9/x.dtd"><?xml-stylesheet href="http://127.0.0.1:9/y"?>'
        )
        xhtml = (
            '<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><title>x</title></head><body/></html>'
        )
        (pages / "z.xhtml").write_text(dtd + xhtml)
        trace = self.folder / "trace"
        calls = "trace=execve,connect,bind,listen,sendto,sendmsg"
        tracing = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-o", str(trace)]
        code, output, errors = self.said([*no_network(), *tracing, *command("validate", "-j", str(pages))])
        files = json.loads(output)["result"]["files"]
        self.assertEqual((code, errors), (1, ""))
        verdicts = [file["verdict"] for file in files]
        self.assertEqual(verdicts, ["valid" if n % 2 else "invalid" for n in range(MANY)] + ["valid"])
        seen = trace.read_text()
        self.assertEqual(len(re.findall(r'execve\("[^"]*/java".* = 0$', seen, re.MULTILINE)), 1)
        inet = [line for line in seen.splitlines() if "AF_INET" in line]
        self.assertEqual(inet, [])

    def test_killed(self) -> None:
        """A checker that is killed from outside has said nothing: 3, and not valid."""
        path = self.write("a.html", GOOD)
        process = subprocess.Popen(command("validate", path), env=self.env, stdout=subprocess.PIPE, text=True)
        java = until("its Java", lambda: child_of(process.pid))
        os.kill(java, signal.SIGKILL)
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 3)
        self.assertIn("unreadable: the checker gave no answer", output)

    def test_unreachable(self) -> None:
        """Where there is no network, services and URLs can't be had: 7, for updatecheck too."""
        apart = no_network()
        require("network namespaces", apart)
        path = self.write("a.html", GOOD)
        for words in (
            command("validate", "--service", "http://127.0.0.1:9/", path),
            command("validate", "http://127.0.0.1:9/"),
            command("updatecheck", "http://127.0.0.1:9/"),
        ):
            self.assertEqual(self.said([*apart, *words])[0], 7, words)

    def test_no_jar(self) -> None:
        """A jar that is none is told as what it is: 3."""
        jar = self.write("vnu.jar", b"no jar")
        code, output, _ = self.said(command("validate", "--jar", jar, self.write("a.html", GOOD)))
        self.assertEqual(code, 3)
        self.assertIn("no program that Java can run", output)


def no_network() -> list[str]:
    """What runs a command where not even loopback is up; nothing where the kernel won't have it."""
    apart = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    return [] if subprocess.run([*apart, "true"], capture_output=True).returncode else apart


def child_of(pid: int) -> int:
    """The Java that a process started, 0 if there is none yet."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        name = Path(f"/proc/{child}/cmdline")
        if name.exists() and b"-jar" in name.read_bytes():
            return int(child)
    return 0

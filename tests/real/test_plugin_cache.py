"""What twistd finds of us: where the cache of plugins may not be written, and what finding us imports."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.real.parts import ROOT, START_SECONDS, clean_environment, may_run, require, until

RUN = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"

SERVICES = ("colors", "echo", "formsite", "httpecho", "netsuite", "pages", "proxy", "wordproxy")

#: What our plugin module may not bring into twistd's --help: it takes long, and isn't needed to be found.
HEAVY = {
    *("numpy", "icu", "cryptography", "OpenSSL", "jinja2", "markupsafe", "turbohtml", "prometheus_client"),
    *("passlib", "bcrypt", "sqlite3", "redis", "brotli", "zstandard", "tomllib", "html", "email", "netsuite"),
}


class CacheTests(TestCase):
    """A folder of plugins that root has filled, and others may not write."""

    def setUp(self) -> None:
        require("root", os.geteuid() == 0)
        self.user = pwd.getpwnam("nobody")
        self.site = Path(tempfile.mkdtemp(prefix="netsuite-site-"))
        self.addCleanup(shutil.rmtree, self.site)
        self.site.chmod(0o755)
        self.plugins = self.site / "twisted" / "plugins"
        self.plugins.mkdir(parents=True)
        shutil.copy(ROOT / "twisted/plugins/netsuite_services.py", self.plugins)
        (self.site / "netsuite").symlink_to(ROOT / "netsuite")
        readable = may_run(self.user.pw_uid, "netsuite.echo.service", PYTHONPATH=str(self.site))
        require("checkout and interpreter that others may read", readable)

    def run_as(self, *words: str, user: int) -> subprocess.CompletedProcess[str]:
        """A Python that was run as somebody, with the folder on its path."""
        return subprocess.run(
            [sys.executable, *words],
            cwd="/",
            env=clean_environment({"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}),
            user=user,
            group=user,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def warnings(self) -> int:
        """How often a start by somebody who may not write the cache says so."""
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, "-n", "--pidfile=", "echo", "-p", "0"],
                cwd="/",
                env=clean_environment({"PYTHONPATH": str(self.site)}),
                user=self.user.pw_uid,
                group=self.user.pw_gid,
                extra_groups=[],
                stdout=log,
                stderr=log,
            )

            def said() -> str:
                log.seek(0)
                return log.read()

            try:
                until("it runs, or has ended", lambda: "Press Ctrl-C" in said() or process.poll() is not None)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(START_SECONDS), 0, said())
            finally:
                process.kill()
                process.wait()
            return sum(str(self.plugins) in line for line in said().splitlines())

    def test_read_only(self) -> None:
        """It works, with one line at most; once refresh-plugins has written the cache there is none."""
        helped = self.run_as("-c", RUN, "--help", user=self.user.pw_uid)
        self.assertEqual((helped.returncode, helped.stderr), (0, ""))
        for service in SERVICES:
            self.assertRegex(helped.stdout, rf"(?m)^    {service} ")
        self.assertLessEqual(self.warnings(), 1)
        self.assertFalse((self.plugins / "dropin.cache").exists())
        done = self.run_as("-m", "netsuite.scripts.netsuite", "refresh-plugins", user=0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.plugins / "dropin.cache").exists())
        self.assertEqual(self.warnings(), 0)


class ImportTests(TestCase):
    """What twistd's --help imports on our behalf."""

    def test_nothing_heavy(self) -> None:
        """With no cache the plugin module itself is imported, and nothing that it doesn't need."""
        with tempfile.TemporaryDirectory() as site:
            plugins = Path(site, "twisted", "plugins")
            plugins.mkdir(parents=True)
            shutil.copy(ROOT / "twisted/plugins/netsuite_services.py", plugins)
            done = subprocess.run(
                [sys.executable, "-X", "importtime", "-c", RUN, "--help"],
                env=clean_environment({"PYTHONPATH": site}),
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=True,
            )
        modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
        self.assertIn("twisted.plugins.netsuite_services", modules)
        self.assertEqual({name for name in modules if name.split(".")[0] == "netsuite"}, set())

    def test_plugin_alone(self) -> None:
        """The plugin module brings nothing heavy into a twistd that has it not yet."""
        program = (
            "import sys, twisted.scripts.twistd; before = set(sys.modules)\n"
            "import twisted.plugins.netsuite_services; print(*set(sys.modules) - before)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )
        brought = set(done.stdout.split())
        self.assertIn("twisted.plugins.netsuite_services", brought)
        self.assertEqual({name for name in brought if name.split(".")[0] in HEAVY}, set())

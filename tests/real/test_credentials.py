"""Secrets that a service manager hands over as files: each is found, and none is told to anybody."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import TestCase

import bcrypt

from netsuite import credentials
from netsuite.formsite import webhook
from tests.real.managed import Ear, Managed
from tests.real.parts import FETCH_SECONDS, START_SECONDS, children, free_ports, require, until
from tests.real.test_manager import assert_deaf
from tests.real.test_suite import RUN
from tests.real.test_tls import put
from tests.wordproxy.store.server import Redis

#: Each file by its name, with what is in it that nobody may see.
SECRETS = {
    "netsuite.redis": "planted-redis-Xq1",
    "netsuite.upstream": "planted-upstream-Xq2",
    "netsuite.smtp": "planted-smtp-Xq3",
    "netsuite.hook": webhook.PREFIX + base64.b64encode(b"planted-hook-Xq4-planted-hook").decode(),
    "netsuite.token": "planted-token-Xq5-planted-token-planted-token",
}

SETTINGS = """
[netsuite]
admin = "{admin}"
[wordproxy]
port = "0"
report = "0"
htpasswd = "$CREDENTIALS_DIRECTORY/netsuite.users"
store = "unix://{redis}?password-file=$CREDENTIALS_DIRECTORY/netsuite.redis"
upstream = ["*.example=http://me@127.0.0.1:9?password-file=$CREDENTIALS_DIRECTORY/netsuite.upstream"]
token = "$CREDENTIALS_DIRECTORY/netsuite.token"
workers = 2
[formsite]
port = "0"
store = "forms.db"
htpasswd = "$CREDENTIALS_DIRECTORY/netsuite.users"
webhook = "https://hook.example/"
webhook-secret = "$CREDENTIALS_DIRECTORY/netsuite.hook"
mail = "me@mail.example"
mail-from = "us@mail.example"
smtp-user = "me"
smtp-password = "$CREDENTIALS_DIRECTORY/netsuite.smtp"
[pages]
port = "ssl:{pages}:interface=127.0.0.1:privateKey=$CREDENTIALS_DIRECTORY/tls.key:certKey=tls.pem"
"""


class CredentialTests(TestCase):
    """Every secret that a service of ours can have, at once."""

    def setUp(self) -> None:
        require("redis", shutil.which("redis-server"))
        self.redis = Redis(["--requirepass", SECRETS["netsuite.redis"]], password=SECRETS["netsuite.redis"])
        self.addCleanup(self.redis.close)
        self.suite = Managed("netsuite", "-c", "x.toml")
        self.addCleanup(self.suite.close)
        folder = self.suite.folder
        self.given = folder / "given"
        self.given.mkdir(0o700)
        for name, secret in SECRETS.items():
            (self.given / name).write_text(secret + "\n")
        hashed = bcrypt.hashpw(b"planted-user-Xq6", bcrypt.gensalt(4)).decode()
        (self.given / "netsuite.users").write_text(f"me:{hashed}\n")
        put(folder)
        (folder / "tls.key").rename(self.given / "tls.key")
        admin, self.pages = free_ports(2)
        (folder / "x.toml").write_text(
            SETTINGS.format(admin=admin, redis=self.redis.socket, pages=self.pages)
        )
        key = (self.given / "tls.key").read_text().splitlines()[1]
        self.secrets = [*SECRETS.values(), hashed, key, "planted-"]
        self.suite.env["CREDENTIALS_DIRECTORY"] = str(self.given)

    def all_of(self, pid: int) -> list[int]:
        """The process and all that it has started."""
        return [pid, *(each for child in children(pid) for each in self.all_of(child))]

    def test_found_and_kept(self) -> None:
        """Each is found in the folder handed over; no process has one in its command or environment."""
        suite, ear = self.suite, Ear()
        self.addCleanup(ear.close)
        suite.env |= {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "60000000"}
        suite.launch()
        ear.wait("READY=1")
        until("workers and counters run", lambda: len(self.all_of(suite.pid)) >= 5)
        for pid in self.all_of(suite.pid)[1:]:
            assert_deaf(self, pid)
        for pid in self.all_of(suite.pid):
            for name in ("cmdline", "environ"):
                text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
                self.assertTrue(text, pid)
                for secret in self.secrets:
                    self.assertNotIn(secret, text, (pid, name))
        done = subprocess.run(
            [
                *("curl", "-sS", "--max-time", str(FETCH_SECONDS), "--cacert", str(suite.folder / "tls.pem")),
                f"https://localhost:{self.pages}/test",
            ],
            capture_output=True,
            check=False,
        )
        self.assertIn(b"<h1>Test</h1>", done.stdout, done.stderr)
        self.assertEqual(suite.stop(), 0)
        for secret in self.secrets:
            self.assertNotIn(secret, suite.log)

    def test_checked(self) -> None:
        """--check shows the files' names, not what is in them; without the folder each is a fault."""
        command = [sys.executable, "-c", RUN, "-n", "--pidfile=", "netsuite", "-c", "x.toml", "--check"]

        def checked() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                command,
                cwd=self.suite.folder,
                env=self.suite.env,
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=False,
            )

        done = checked()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("$CREDENTIALS_DIRECTORY/netsuite.users", done.stdout)
        for secret in self.secrets:
            self.assertNotIn(secret, done.stdout + done.stderr)
        del self.suite.env["CREDENTIALS_DIRECTORY"]
        done = checked()
        self.assertEqual(done.returncode, 1)
        names = ("port", "htpasswd", "store", "upstream", "token", "webhook-secret", "smtp-password")
        for name in names:
            self.assertRegex(done.stderr, rf"--{name} \(file .*none were handed over; see LoadCredential")


class NameTests(TestCase):
    """Names of files."""

    def test_expanded(self) -> None:
        """The folder takes the place of its variable, in paths and addresses; other text stays as it is."""
        given = {"CREDENTIALS_DIRECTORY": "/run/x"}
        for text, meant in (
            ("$CREDENTIALS_DIRECTORY/a", "/run/x/a"),
            ("redis://h?password-file=$CREDENTIALS_DIRECTORY/a", "redis://h?password-file=/run/x/a"),
            ("/etc/a", "/etc/a"),
            ("$HOME/a", "$HOME/a"),
        ):
            self.assertEqual(credentials.expanded(text, given), meant)
        with self.assertRaises(ValueError):
            credentials.expanded("$CREDENTIALS_DIRECTORY/a", {})

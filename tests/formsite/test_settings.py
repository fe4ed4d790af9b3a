"""The command line: what is refused before anything is opened, and what comes of the rest."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite import webhook
from netsuite.formsite.settings import Options, Settings
from netsuite.site.posted import Bounds


class SettingsTests(SynchronousTestCase):
    """Options to settings."""

    def setUp(self) -> None:
        self.patch(os, "environ", {"XDG_STATE_HOME": "/state"})
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def read(self, *options: str) -> Settings:
        read = Options()
        read.folder = str(self.folder)
        read.parse(list(options))
        settings: Settings = read.settings
        return settings

    def faults(self, *options: str) -> str:
        with self.assertRaises(usage.UsageError) as caught:
            self.read(*options)
        return str(caught.exception)

    def test_defaults(self) -> None:
        """Loopback, the state folder, a year, the tutorial's form, nobody told, no files."""
        told = self.read()
        self.assertEqual(told.port.descriptions, ("tcp:8000:interface=127.0.0.1",))
        self.assertEqual((told.store, told.keep_days), ("/state/netsuite/forms.db", 365))
        self.assertEqual((told.terms.form, told.terms.method, told.terms.origins), (None, "POST", ()))
        self.assertEqual(told.terms.bounds, Bounds(fields=200, text=262144, files=0))
        self.assertEqual((told.terms.rules.honeypot, told.terms.rules.min_seconds), ("_gotcha", 2.0))
        self.assertEqual((told.webhook, told.mail_to, told.server, told.uploads), ("", "", None, None))

    def test_other_machines(self) -> None:
        """Where other machines reach it, the inbox needs a password file, or a word that all is well."""
        public = ("-p", "tcp:8000:interface=0.0.0.0")
        self.assertIn("add --htpasswd FILE for the inbox", self.faults(*public))
        (self.folder / "users").write_text("")
        for more in (("-A", "users"), ("--allow-client", "10.0.0.0/8"), ("--allow-public",)):
            self.assertTrue(self.read(*public, *more).port.public)

    def test_all_faults_at_once(self) -> None:
        """Each wrong setting is told, a line each."""
        (self.folder / "form.toml").write_text("title = 1")
        told = self.faults(
            *("-m", "PUT", "--allow-origin", "https://a.example/path", "--allow-origin", "ftp://b"),
            *("--form", "form.toml", "--webhook", "ftp://x", "--mail", "nobody", "--smtp", "nowhere"),
            *("--upload-type", "../x", "--uploads", "up", "--max-fields", "0", "-k", "x"),
        )
        for text in (
            "--method (command line): is POST or GET",
            "'https://a.example/path' is no origin",
            "'ftp://b' is no origin",
            "form.toml: Expected `str`, got `int` - at `$.title`",
            "'ftp://x' is no http or https address",
            "'nobody' is no mail address",
            "'../x' is no end of a file's name",
            "'0' is no whole number from 1 to 100000",
            "'x' is no whole number",
        ):
            self.assertIn(text, told)
        self.assertIn("'nowhere' is no place", self.faults("--mail", "a@b", "--smtp", "nowhere"))

    def test_what_is_told(self) -> None:
        """A webhook has a secret beside the store; mail a server, a sender, a password from a file."""
        (self.folder / "password").write_text("secret\n")
        told = self.read(
            *("-s", "a.db", "--webhook", "https://x.example/hook", "--mail", "a@example.org"),
            *("--smtp", "tls:mail.example.org:465", "--smtp-user", "u", "--smtp-password", "password"),
        )
        self.assertEqual(told.webhook_secret, f"{told.store}.webhook")
        assert told.server is not None
        self.assertEqual((told.server.place.port, told.server.is_secure), (465, True))
        self.assertEqual((told.server.password, told.mail_from), ("secret", "a@example.org"))
        self.assertIn("is needed", self.faults("-s", ":memory:", "--webhook", "https://x.example/"))
        self.assertIn("needs --smtp-password", self.faults("--mail", "a@b", "--smtp-user", "u"))

    def test_names_of_files(self) -> None:
        """Uploads are off without a folder; with one their number, size and ends are bounded."""
        told = self.read(
            "--uploads", "up", "--upload-type", ".PDF", "--upload-type", "png", "--max-files", "2"
        )
        assert told.terms.files is not None
        self.assertEqual((told.terms.files.ends, told.terms.bounds.files), (("pdf", "png"), 2))
        self.assertEqual(told.uploads, str(self.folder / "up"))


class SecretTests(SynchronousTestCase):
    """The webhook's secret, and what is signed with it."""

    def test_made_once(self) -> None:
        """It is made at first use, private, and stays; what is none is refused."""
        path = Path(self.mktemp())
        secret = webhook.read_secret(str(path))
        self.assertEqual((len(secret), path.stat().st_mode & 0o777), (32, 0o600))
        self.assertEqual(webhook.read_secret(str(path)), secret)
        for text in ("", "whsec_", "whsec_short", "nothing", "whsec_" + "ä" * 40):
            path.write_text(text)
            self.assertRaises(ValueError, webhook.read_secret, str(path))

    def test_signature(self) -> None:
        """It is that of Standard Webhooks, whose own example this is."""
        secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        signature = webhook.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        self.assertEqual(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")

    def test_places(self) -> None:
        """Only addresses of the web, without users' names."""
        self.assertEqual(webhook.place_of("https://x.example/a?b").port, 443)
        self.assertEqual(webhook.place_of("http://x.example:81").port, 81)
        for url in (
            "",
            "x",
            "ftp://x",
            "https://",
            "https://u:p@x/",
            "http://x:99999/",
            "http://x/\n",
            "http://x/ä",
        ):
            self.assertRaises(ValueError, webhook.place_of, url)

"""Addresses of a store in Redis: what is understood, what is refused, and that no password is ever shown."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.redisurl import is_redis, parse_place
from tests.real.parts import ROOT
from tests.wordproxy.store.samples import folder


class AddressTests(SynchronousTestCase):
    def test_shown(self) -> None:
        """An address is shown with its port and database, without user, password and where that lies."""
        for where, shown in [
            ("redis://db.example", "redis://db.example:6379/0"),
            ("redis://u:s3cret@db.example:7000/3", "redis://db.example:7000/3"),
            ("rediss://:s3cret@db.example/?prefix=class7", "rediss://db.example:6379/0?prefix=class7"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
            ("unix:///run/redis.sock?db=2&prefix=a", "unix:///run/redis.sock?prefix=a"),
        ]:
            place = parse_place(where)
            self.assertEqual(place.shown, shown)
            self.assertNotIn("s3cret", repr(place))
            self.assertTrue(is_redis(where))

    def test_what_a_client_is_told(self) -> None:
        """User, password, database, limits and TLS are the client's arguments; quoted marks are unquoted."""
        told = parse_place("rediss://u:a%40b@db.example:7000/3?timeout=2.5&ca-file=/ca.pem").arguments
        self.assertEqual(
            [told[name] for name in ("host", "port", "db", "username", "password", "socket_timeout")],
            ["db.example", 7000, 3, "u", "a@b", 2.5],
        )
        self.assertEqual((told["ssl"], told["ssl_ca_certs"]), (True, "/ca.pem"))

    def test_password_file(self) -> None:
        """The password is the first line of the file that is named."""
        path = folder(self)
        for content, password in [
            (b"s3cret\n", "s3cret"),
            (b"s3cret\r\nmore", "s3cret"),
            ("ü".encode(), "ü"),
        ]:
            path.write_bytes(content)
            told = parse_place(f"redis://db.example?password-file={path}").arguments
            self.assertEqual(told["password"], password)
        path.write_bytes(b"\xff")
        self.assertRaises(StoreFault, parse_place, f"redis://db.example?password-file={path}")
        os.unlink(path)
        fault = self.assertRaises(StoreFault, parse_place, f"redis://db.example?password-file={path}")
        self.assertIn("can't be read (No such file", str(fault))

    def test_refused(self) -> None:
        """What is no address is refused in one line that quotes no password."""
        for where in [
            "redis://",
            "redis://:s3cret@",
            "redis://u:s3cret@db.example:port/0",
            "redis://u:s3cret@db.example:99999",
            "redis://u:s3cret@db.example/words",
            "redis://u:s3cret@db.example/0?password=s3cret",
            "redis://u:s3cret@db.example/0?prefix=a{b",
            "redis://u:s3cret@db.example/0?timeout=0",
            "redis://u:s3cret@db.example/0?timeout=soon",
            "redis://u:s3cret@db.example/0#s3cret",
            "redis://u:s3cret@[::1",
            "redis://u:s3cret@db.example?password-file=secret",
            "unix://host/run/redis.sock",
            "unix://",
        ]:
            text = str(self.assertRaises(StoreFault, parse_place, where))
            self.assertNotIn("s3cret", text, where)
            self.assertNotIn("\n", text, where)

    def test_files_are_no_redis(self) -> None:
        """Paths and other schemes are left to others."""
        for where in ("words.db", ":memory:", "redis", "/redis://x", "postgres://x"):
            self.assertFalse(is_redis(where), where)

    def test_without_the_extra(self) -> None:
        """Where the client is not installed, the refusal names the extra; other stores work."""
        code = (
            "import sys; sys.modules['redis'] = None\n"
            "from netsuite.wordproxy.store.open import open_store\n"
            "open_store(':memory:').close()\n"
            "try: open_store('redis://u:s3cret@127.0.0.1:1')\n"
            "except Exception as error: print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.assertEqual(
            done.stdout, "StoreFault a store in Redis needs the extra: pip install 'netsuite[redis]'\n"
        )

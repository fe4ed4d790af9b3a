"""The one table of causes, exit codes and JSON results."""

from __future__ import annotations

import errno
import json
import socket
import ssl

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.names.error import DNSQueryTimeoutError, DNSServerError
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from netsuite.http1.errors import BadMessage
from netsuite.names import ResolverFailed
from netsuite.outcome import ERRORS, EXITS, NOT_FOUND, TERMINATED, Failed, Outcome, worst
from netsuite.reach.trust import BadTrust, TlsFailed


class TableTests(SynchronousTestCase):
    """Causes and codes, as the features' table has them."""

    def test_codes(self) -> None:
        """Scripts rely on these numbers; they never change."""
        codes = (*range(1, 16), 70, 126, 130)
        causes = (
            "no usage unknown dns refused timeout unreachable tls lost http auth local mismatch limit "
            "declined internal exec interrupted"
        )
        self.assertEqual(EXITS, dict(zip(causes.split(), codes, strict=True)))
        self.assertEqual((NOT_FOUND, TERMINATED), (127, 143))

    def test_every_class_exists(self) -> None:
        """Each name in the table of errors is that of a class, under the name it has itself."""
        for name, (cause, _detail) in ERRORS.items():
            if not name.startswith("netsuite."):  # ours are in test_causes
                kind = namedAny(name)
                self.assertTrue(issubclass(kind, BaseException), name)
                self.assertEqual(f"{kind.__module__}.{kind.__qualname__}", name)
            self.assertIn(cause, EXITS)

    def test_unknown_cause(self) -> None:
        """No cause is invented."""
        self.assertRaises(KeyError, Outcome.failed, "tired", "the program is tired")


class ErrorTests(SynchronousTestCase):
    """Which cause an error is."""

    def test_causes(self) -> None:
        """Each error that a tool meets has its cause, and its detail where there are kinds."""
        for raised, cause, detail in (
            (usage.UsageError("x"), "usage", None),
            (error.DNSLookupError("x"), "dns", "not found"),
            (ResolverFailed("x"), "dns", "resolver failed"),
            (DNSServerError(), "dns", "resolver failed"),
            (DNSQueryTimeoutError(1), "dns", "resolver failed"),
            (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns", "not found"),
            (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "dns", "resolver failed"),
            (error.ConnectionRefusedError(111), "refused", None),
            (ConnectionRefusedError(111, "x"), "refused", None),
            (error.TCPTimedOutError(110), "timeout", None),
            (error.TimeoutError(), "timeout", None),
            (defer.TimeoutError(), "timeout", None),
            (TimeoutError(), "timeout", None),
            (error.NoRouteError(113), "unreachable", None),
            (error.ConnectError(errno.ENETUNREACH), "unreachable", None),
            (OSError(errno.EHOSTUNREACH, "x"), "unreachable", None),
            (error.ConnectError("x"), "unknown", None),
            (error.ConnectError(errno.EPIPE), "unknown", None),
            (error.ConnectError(errno.EADDRNOTAVAIL), "local", None),
            (error.ConnectError(errno.EMFILE), "local", None),
            (error.ConnectError(errno.EINVAL), "unreachable", None),
            (OSError(errno.EINVAL, "x"), "local", None),
            (error.ConnectBindError(errno.EACCES, "x"), "local", None),
            (TlsFailed("x", "expired"), "tls", "expired"),
            (TlsFailed("x"), "tls", None),
            (BadTrust("x"), "local", None),
            (error.ConnectionLost(), "lost", None),
            (error.ConnectionDone(), "lost", None),
            (ConnectionResetError(104, "x"), "lost", None),
            (FileNotFoundError(2, "No such file", "a"), "local", None),
            (PermissionError(13, "x"), "local", None),
            (OSError(errno.ENOSPC, "x"), "local", None),
            (BrokenPipeError(32, "x"), "local", None),
            (error.CannotListenError("", 1, OSError()), "local", None),
            (SSL.Error([("SSL routines", "", "certificate verify failed")]), "tls", "untrusted"),
            (SSL.Error([("SSL routines", "", "unsupported protocol")]), "tls", "protocol"),
            (ssl.SSLError(1, "certificate has expired"), "tls", "expired"),
            (ssl.SSLError(1, "something else"), "tls", None),
            (BadMessage(502, "no status line"), "unknown", None),
            (KeyboardInterrupt(), "interrupted", None),
            (KeyError("x"), "internal", None),
            (defer.CancelledError(), "internal", None),
        ):
            outcome = Outcome.of(raised)
            self.assertEqual((outcome.cause, outcome.detail), (cause, detail), repr(raised))
            self.assertEqual(outcome.exit, EXITS[cause])
            self.assertFalse(outcome.ok)
            self.assertTrue(outcome.message)

    def test_wrapped(self) -> None:
        """What Twisted's HTTP client wraps is looked into, and a wrapper of itself does no harm."""
        inner = ResponseNeverReceived([Failure(error.ConnectionRefusedError(111))])
        self.assertEqual(Outcome.of(ResponseFailed([Failure(inner)])).cause, "refused")
        endless = ResponseFailed([])
        endless.reasons = [Failure(endless)]
        self.assertEqual(Outcome.of(endless).cause, "internal")

    def test_words(self) -> None:
        """Errors of files name the file; Twisted's are told as they are."""
        self.assertEqual(
            Outcome.of(FileNotFoundError(2, "No such file", "a.toml")).message, "a.toml: No such file"
        )
        self.assertEqual(
            Outcome.of(error.ConnectionRefusedError(111, "Connection refused")).message,
            "Connection was refused by other side: 111: Connection refused.",
        )

    def test_failed(self) -> None:
        """An error of ours that knows its cause is told as it says."""
        told = Outcome.of(Failed("limit", "more than 5 bytes", detail="size"))
        self.assertEqual((told.exit, told.cause, told.message), (14, "limit", "more than 5 bytes"))
        self.assertEqual(told.detail, "size")

    def test_a_bug_tells_no_text(self) -> None:
        """The text of an error that nobody foresaw may hold a secret, so it is not told."""
        self.assertNotIn("hunter2", str(Outcome.of(ValueError("password is hunter2")).message))

    def test_statuses(self) -> None:
        """An HTTP answer's status has a cause too."""
        for status, retry_after, cause in (
            (200, False, None),
            (304, False, None),
            (400, False, "http"),
            (401, False, "auth"),
            (407, False, "auth"),
            (404, False, "http"),
            (429, False, "declined"),
            (503, False, "http"),
            (503, True, "declined"),
            (500, True, "http"),
        ):
            self.assertEqual(Outcome.of_status(status, retry_after=retry_after).cause, cause, status)


class RecordTests(SynchronousTestCase):
    """The JSON object."""

    def test_shape(self) -> None:
        """Keys and their order are those of the features' page."""
        outcome = Outcome.failed("refused", "Connection was refused", result={"attempts": 1})
        line = outcome.record(tool="t", target={"port": 81}, started=1767609224.1236, elapsed_ms=1.8999)
        version = json.loads(line)["version"]
        self.assertEqual(
            line,
            '{"tool":"t","version":"' + version + '","ok":false,"exit":5,"cause":"refused",'
            '"message":"Connection was refused","target":{"port":81},"started":"2026-01-05T10:33:44.123Z",'
            '"elapsed_ms":1.9,"result":{"attempts":1}}',
        )

    def test_done(self) -> None:
        """What is done has neither cause nor message, and a result only if there is one."""
        told = json.loads(Outcome.done().record(tool="t", target={}, started=0.0, elapsed_ms=0.0))
        self.assertEqual((told["ok"], told["exit"], told["cause"], told["result"]), (True, 0, None, None))
        self.assertNotIn("detail", told)

    def test_detail(self) -> None:
        """A detail is there where the cause has kinds."""
        outcome = Outcome.of(error.DNSLookupError("x"))
        told = json.loads(outcome.record(tool="t", target={}, started=0.0, elapsed_ms=0.0))
        self.assertEqual(told["detail"], "not found")

    @given(st.text(max_size=30))
    @settings(deadline=None, max_examples=100)
    def test_one_line(self, text: str) -> None:
        """Whatever the texts, it is one line of ASCII that reads back."""
        line = Outcome.failed("no", text, result={"found": text}).record(
            tool="t", target={"name": text}, started=0.0, elapsed_ms=0.0
        )
        self.assertTrue(line.isascii() and line.isprintable())
        told = json.loads(line)
        self.assertEqual(
            (told["message"], told["target"], told["result"]), (text, {"name": text}, {"found": text})
        )


class WorstTests(SynchronousTestCase):
    """One exit code for several pieces of work."""

    def test_order(self) -> None:
        """A failure goes before a no, a no before success; of failures the first counts."""
        for codes, code in (((), 0), ((0, 0), 0), ((0, 1, 0), 1), ((1, 4, 12), 4), ((12, 4), 12)):
            self.assertEqual(worst(codes), code)

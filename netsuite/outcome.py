"""How a tool's work ended: the one table of causes and exit codes, and the JSON object that tells it.

Errors are known by their classes' names, so that no library has to be imported here for its errors' sake:
this module costs a tool that needs no network nothing.
"""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata

#: Cause -> exit code; of two codes the first.
EXITS = {
    "no": 1,
    "usage": 2,
    "unknown": 3,
    "dns": 4,
    "refused": 5,
    "timeout": 6,
    "unreachable": 7,
    "tls": 8,
    "lost": 9,
    "http": 10,
    "auth": 11,
    "local": 12,
    "mismatch": 13,
    "limit": 14,
    "declined": 15,
    "internal": 70,
    "exec": 126,
    "interrupted": 130,
}

#: Second codes: of ``exec`` where the command was not found, of ``interrupted`` by SIGTERM.
NOT_FOUND = 127
TERMINATED = 143

#: Class of an error -> cause and detail; of an error's classes the nearest counts.  Ours are written without
#: their modules.
ERRORS: dict[str, tuple[str, str | None]] = {
    "twisted.python.usage.UsageError": ("usage", None),
    "twisted.internet.error.DNSLookupError": ("dns", "not found"),
    "twisted.internet.error.UnknownHostError": ("dns", "not found"),
    "twisted.names.error.DNSNameError": ("dns", "not found"),
    "twisted.names.error.AuthoritativeDomainError": ("dns", "not found"),
    "twisted.names.error.DomainError": ("dns", "resolver failed"),
    "twisted.names.error.ResolverError": ("dns", "resolver failed"),
    "twisted.names.error.DNSQueryTimeoutError": ("dns", "resolver failed"),
    "netsuite.ResolverFailed": ("dns", "resolver failed"),
    "socket.gaierror": ("dns", "not found"),
    "twisted.internet.error.ConnectionRefusedError": ("refused", None),
    "builtins.ConnectionRefusedError": ("refused", None),
    "twisted.internet.error.TimeoutError": ("timeout", None),
    "twisted.internet.defer.TimeoutError": ("timeout", None),
    "builtins.TimeoutError": ("timeout", None),
    "twisted.internet.error.NoRouteError": ("unreachable", None),
    "twisted.internet.error.SSLError": ("tls", None),
    "twisted.internet.error.CertificateError": ("tls", None),
    "OpenSSL.SSL.Error": ("tls", None),
    "ssl.SSLError": ("tls", None),
    "netsuite.TlsFailed": ("tls", None),
    "service_identity.exceptions.VerificationError": ("tls", "name"),
    "service_identity.exceptions.CertificateError": ("tls", "untrusted"),
    "twisted.internet.error.ConnectionClosed": ("lost", None),
    "builtins.ConnectionResetError": ("lost", None),
    "builtins.ConnectionAbortedError": ("lost", None),
    "builtins.EOFError": ("lost", None),
    "netsuite.BadMessage": ("unknown", None),
    "netsuite.StoreFault": ("local", None),
    "netsuite.ClockUnreadable": ("unknown", None),
    "twisted.internet.error.ConnectBindError": ("local", None),
    "twisted.internet.error.ConnectError": ("unknown", None),
    "twisted.internet.error.CannotListenError": ("local", None),
    "builtins.OSError": ("local", None),
    "builtins.KeyboardInterrupt": ("interrupted", None),
}

_ERRNOS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ECONNRESET: "lost",
    errno.ECONNABORTED: "lost",
}

#: What else a number says of a connection that did not come about: no way there, or it is our own lack.
_CONNECT_ERRNOS = {
    errno.EINVAL: "unreachable",  # a route to nowhere (ip-route(8), blackhole)
    errno.EACCES: "unreachable",  # a route that is prohibited
    errno.EAFNOSUPPORT: "unreachable",
    errno.EPERM: "local",  # our own firewall
    errno.EADDRNOTAVAIL: "local",
    errno.EADDRINUSE: "local",
    errno.EMFILE: "local",
    errno.ENFILE: "local",
    errno.ENOBUFS: "local",
    errno.ENOMEM: "local",
    errno.ENOENT: "local",  # no such socket in the file system
    errno.ENOTSOCK: "local",
    errno.EAGAIN: "refused",  # a socket in the file system whose queue is full
}

_RESOLVER_FAILED = (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM)

#: What OpenSSL's texts have in them -> which of the details it is.
_TLS_DETAILS = {
    "expired": "expired",
    "mismatch": "name",
    "verify failed": "untrusted",
    "unknown ca": "untrusted",
    "protocol": "protocol",
    "version": "protocol",
}

#: An error that stands for others is looked into so many times.
_DEPTH = 8


class Failed(Exception):  # noqa: N818 - how work ended, told to people
    """Work that failed by a cause of the table; ``Outcome.of`` tells it as it says itself."""

    def __init__(self, cause: str, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.cause, self.detail = cause, detail


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended.  ``cause``: a word of the table, None if all is well; ``message``: a sentence for people.

    ``detail``: which kind of the cause, where the table has kinds; ``result``: what the tool found out.
    """

    exit: int = 0
    cause: str | None = None
    message: str | None = None
    detail: str | None = None
    result: Mapping[str, object] | None = field(default=None, hash=False)

    @property
    def ok(self) -> bool:
        """Whether the work is done, or the answer is yes."""
        return self.exit == 0

    @classmethod
    def done(cls, **result: object) -> Outcome:
        """Return that of work that is done."""
        return cls(result=result or None)

    @classmethod
    def failed(
        cls,
        cause: str,
        message: str,
        *,
        detail: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> Outcome:
        """Return that of work that failed by a cause of the table."""
        return cls(EXITS[cause], cause, message, detail, result)

    @classmethod
    def of(cls, error: BaseException) -> Outcome:
        """Return that of an error; one that the table doesn't know is a bug of ours, its text untold."""
        error = _innermost(error)
        if isinstance(error, Failed):
            return cls.failed(error.cause, str(error), detail=error.detail)
        cause, detail = _cause(error)
        if cause == "internal":
            return cls.failed(cause, f"internal error ({type(error).__name__})")
        return cls.failed(cause, _text(error), detail=detail)

    @classmethod
    def of_status(cls, status: int, *, retry_after: bool = False) -> Outcome:
        """Return that of an HTTP answer.  ``retry_after``: it has that field."""
        if status < 400:
            return cls.done(status=status)
        cause = "auth" if status in (401, 407) else "http"
        if status == 429 or (status == 503 and retry_after):
            cause = "declined"
        return cls.failed(cause, f"the answer's status is {status}", result={"status": status})

    def record(self, *, tool: str, target: Mapping[str, object], started: float, elapsed_ms: float) -> str:
        """Return the JSON object, one line of ASCII.  ``started``: seconds since the epoch."""
        moment = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds")
        told = {
            "tool": tool,
            "version": version(),
            "ok": self.ok,
            "exit": self.exit,
            "cause": self.cause,
            "message": self.message,
            "target": target,
            "started": moment.replace("+00:00", "Z"),
            "elapsed_ms": round(elapsed_ms, 1),
            "result": self.result,
        }
        if self.detail is not None:
            told["detail"] = self.detail
        return json.dumps(told, separators=(",", ":"), allow_nan=False)


def worst(exits: Iterable[int]) -> int:
    """Return the exit code of several pieces of work: a failure's before a *no*, a *no*'s before 0."""
    codes = [code for code in exits if code]
    return next((code for code in codes if code != EXITS["no"]), codes[0] if codes else 0)


def version() -> str:
    """Return netsuite's version, ``0`` where it runs from a checkout that was never installed."""
    try:
        return metadata.version("netsuite")
    except metadata.PackageNotFoundError:
        return "0"


def _cause(error: BaseException) -> tuple[str, str | None]:
    number = getattr(error, "osError", None) or getattr(error, "errno", None)
    for kind in type(error).__mro__:
        module = "netsuite" if kind.__module__.startswith("netsuite.") else kind.__module__
        cause, detail = ERRORS.get(f"{module}.{kind.__qualname__}", ("", None))
        if cause in ("local", "unknown"):  # as much as such a class says; its number may say more
            known = {**_CONNECT_ERRNOS, **_ERRNOS} if kind.__name__ == "ConnectError" else _ERRNOS
            return known.get(number, cause) if isinstance(number, int) else cause, None
        if number in _RESOLVER_FAILED and isinstance(error, socket.gaierror):
            return cause, "resolver failed"
        if cause == "tls" and detail is None:
            return cause, getattr(error, "detail", None) or _tls_detail(error)
        if cause:
            return cause, detail
    return "internal", None


def _tls_detail(error: BaseException) -> str | None:
    text = str(error).lower()
    return next((detail for part, detail in _TLS_DETAILS.items() if part in text), None)


def _innermost(error: BaseException) -> BaseException:
    """Return what Twisted's HTTP client wraps into an error that only says that there was one."""
    for _ in range(_DEPTH):
        reasons = getattr(error, "reasons", None)
        inner = getattr(reasons[0], "value", None) if isinstance(reasons, list) and reasons else None
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__

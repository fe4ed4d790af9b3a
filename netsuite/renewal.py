"""What a TLS listener shows, read anew when its files change, and warned of before it ends.

Theory.  A connection keeps the context that it was made with, so another certificate is another context for
the handshakes from then on: no connection ends for it.  Files are looked at every ``LOOK_SECONDS``, and read
once they have been the same for two looks, as one of a pair may be written just then.  What can't be used
changes nothing and is told in one line, once for each state of the files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.task import LoopingCall
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netsuite import journal
from netsuite.certificates import WARN_DAYS, BadCertificate, Files, Pair, context_of, day, read
from netsuite.secured import Secured

#: Seconds between two looks at the files.
LOOK_SECONDS = 2.0

#: Seconds between two warnings of one certificate.
TOLD_SECONDS = 86400.0

#: What adds to a new context.
Dress = Callable[[SSL.Context], None]


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What a listener shows now.  ``speaks``: as in ALPN; ``dress`` adds to each new context.

    Raises: BadCertificate, where the files can't be used.
    """

    def __init__(self, files: Files, speaks: Sequence[bytes], dress: Dress) -> None:
        self.files, self._speaks, self._dress = files, speaks, dress
        self._state = self._seen = self._failed = self._states()
        self._told_at: float | None = None  # when it was warned of
        self.pair = read(files)
        self._context = self._made(self.pair)

    def _made(self, pair: Pair) -> SSL.Context:
        context = context_of(pair, self._speaks)
        try:
            self._dress(context)
        except OSError as error:
            raise BadCertificate(f"{error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise BadCertificate(str(error)) from None
        return context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return a new connection's TLS state."""
        return SSL.Connection(self._context, None)

    def prepare(self, *, owner: str, quiet: bool = False) -> Callable[[], None]:
        """Return what shows the files as they are now.  Raises: BadCertificate; nothing has changed then.

        Files that are as they were are not read: who has given up root's rights may not be able to.
        """
        state = self._states()
        pair = self.pair if state == self._state else read(self.files)

        def show() -> None:
            before, self.pair, self._context = self.pair, pair, self._made(pair)
            self._state = self._seen = self._failed = state
            if pair.certificate == before.certificate:
                return
            self._told_at = None
            if not quiet:
                journal.certificate_changed(owner=owner, path=self.files.certificate, ends=day(pair.ends))

        return show

    def _states(self) -> tuple[object, ...]:
        states: list[object] = []
        for path in self.files.paths:
            try:
                found = os.stat(path)
            except OSError as error:
                states.append(error.errno)
            else:
                states.append((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        return tuple(states)

    def look(self, *, owner: str, quiet: bool) -> None:
        """Show the files as they are now, if they have changed and none is being written."""
        state, seen = self._states(), self._seen
        self._seen = state
        if state != seen or state in (self._state, self._failed):
            return
        try:
            self.prepare(owner=owner, quiet=quiet)()
        except BadCertificate as error:
            self._failed = state
            if not quiet:
                journal.certificate_kept(owner=owner, reason=str(error))

    def warn(self, *, owner: str, wall: float, now: float) -> None:
        """Say once a day that the certificate ends soon, has ended, or doesn't hold yet."""
        left = self.pair.ends - wall
        is_sound = left > WARN_DAYS * 86400 and self.pair.begins <= wall
        if is_sound or (self._told_at is not None and now - self._told_at < TOLD_SECONDS):
            return
        self._told_at = now
        path, ends = self.files.certificate, day(self.pair.ends)
        if self.pair.begins > wall:
            journal.certificate_early(owner=owner, path=path, begins=day(self.pair.begins))
        elif left > 0:
            journal.certificate_ends(owner=owner, path=path, ends=ends, days=int(left // 86400))
        else:
            journal.certificate_ended(owner=owner, path=path, ends=ends)


class Watch:
    """Looks after what a listener shows, while it runs.  ``quiet``: another process says it."""

    def __init__(
        self,
        shown: Callable[[], Iterable[Certificates]],
        *,
        owner: str,
        reactor: Any,
        quiet: bool,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._shown, self._owner, self._reactor = shown, owner, reactor
        self._quiet, self._wall = quiet, wall
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor

    def start(self) -> None:
        """Look now, and from now on."""
        if not self._looking.running:
            journal.detach(self._looking.start(LOOK_SECONDS), where="certificates.look")

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        for certificates in self._shown():
            certificates.look(owner=self._owner, quiet=self._quiet)
            if not self._quiet:
                certificates.warn(owner=self._owner, wall=self._wall(), now=self._reactor.seconds())


def in_tls(factory: IProtocolFactory, certificates: Certificates, reactor: Any) -> TLSMemoryBIOFactory:
    """Return a factory whose connections speak TLS, and in it what ``factory`` makes."""
    wrapped = TLSMemoryBIOFactory(certificates, False, factory, reactor)
    wrapped.protocol = Secured
    return wrapped


def spoken(factory: Any) -> tuple[bytes, ...]:
    """Return what a factory's connections speak, by its name in ALPN; nothing where it has none."""
    asked = getattr(factory, "acceptableProtocols", None)
    return tuple(asked()) if asked is not None else ()

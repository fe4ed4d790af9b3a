"""What a TLS listener shows: its key and certificates, read anew when their files change, and when they end.

Theory.  A connection keeps the context that it was made with, so another certificate is another context for
the handshakes from then on: no connection ends for it.  Files are looked at every ``LOOK_SECONDS``, and read
once they have been the same for two looks, as one of a pair may be written just then.  What can't be used
changes nothing and is told in one line, once for each state of the files.  TLS is 1.2 or 1.3, with the
ciphers that keep old traffic closed when a key is stolen (RFC 9325 §4.2).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.task import LoopingCall
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netsuite import journal
from netsuite.secured import Secured
from netsuite.values import join_endpoint, split_endpoint

#: Seconds between two looks at the files.
LOOK_SECONDS = 2.0

#: Days before its end from which a certificate is warned of, and seconds between two warnings.
WARN_DAYS = 21
TOLD_SECONDS = 86400.0

#: Largest file of a key or of certificates.
FILE_MAX = 1 << 20

#: Of TLS 1.2; those of 1.3 are all sound.
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

#: Kinds of endpoints behind which TLS may be spoken, what a place without it is called, and its arguments.
_KINDS = {
    "ssl": "tcp",
    "systemd": "systemd",
}
_SSL_ARGUMENTS = ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain")
_OURS = ("privateKey", "certKey", "extraCertChain")

Dress = Callable[[SSL.Context], None]


class BadCertificate(ValueError):  # noqa: N818 - an answer, not a mistake
    """A listener's key or certificate can't be used; the text names the file."""


class Unreadable(BadCertificate):
    """We may not read it."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a listener's key and certificates are.  ``chain``: of those who signed, if not there too."""

    key: str
    certificate: str
    chain: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Each file once."""
        named = (self.key, self.certificate, self.chain)
        return tuple(dict.fromkeys(path for path in named if path is not None))


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its certificate, with those of who signed it."""

    key: Any
    certificate: x509.Certificate
    signers: tuple[x509.Certificate, ...]

    @property
    def begins(self) -> float:
        """When the certificate begins to hold, in seconds since 1970."""
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def ends(self) -> float:
        """When it ends."""
        return self.certificate.not_valid_after_utc.timestamp()


def apart(description: str) -> tuple[str, Files | None]:
    """Return an endpoint without its TLS, and that one's files, None if it is plain.  Raises: ValueError."""
    kind, *rest = split_endpoint(description)
    if kind not in _KINDS:
        return description, None
    positions = iter(_SSL_ARGUMENTS if kind == "ssl" else ())
    named: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(positions, ""), part
        named[name] = value
    ours = {name: named.pop(name) for name in _OURS if name in named}
    if kind != "ssl" and not ours:
        return description, None
    if "privateKey" not in ours:
        raise ValueError("needs the file of its key: privateKey=KEY.pem:certKey=CERTIFICATE.pem")
    for name in ("sslmethod", "dhParameters"):
        if name in named:
            raise ValueError(f"{name}= is not needed: TLS 1.2 and 1.3 are spoken, with ECDHE; leave it out")
    files = Files(ours["privateKey"], ours.get("certKey", ours["privateKey"]), ours.get("extraCertChain"))
    plain = join_endpoint([_KINDS[kind], *(f"{name}={value}" for name, value in named.items())])
    return plain, files


def read(files: Files) -> Pair:
    """Return what is in these files.  Raises: BadCertificate, which names the file and what is the matter."""
    leaf, *signers = _certificates(files.certificate)
    if files.chain is not None:
        signers += _certificates(files.chain)
    key = _key(files.key)
    if leaf.public_key() != key.public_key():
        raise BadCertificate(f"{files.key}: not the key of the certificate in {files.certificate}")
    pair = Pair(key, leaf, tuple(signers))
    try:
        context_of(pair)
    except (SSL.Error, crypto.Error) as error:
        told = error.args[0][0][-1] if error.args and error.args[0] else "unusable"
        raise BadCertificate(f"{files.certificate}: {told}") from None
    return pair


def context_of(pair: Pair, speaks: Sequence[bytes] = ()) -> SSL.Context:
    """Return a context that shows this certificate; ``speaks``: for ALPN, none where empty."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(CIPHERS)
    context.set_session_id(os.urandom(16))
    context.use_certificate(pair.certificate)
    context.use_privatekey(pair.key)
    for signer in pair.signers:
        context.add_extra_chain_cert(signer)
    if speaks:
        context.set_alpn_select_callback(_chooser(speaks))
    return context


def _chooser(speaks: Sequence[bytes]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    def choose(connection: SSL.Connection, offered: list[bytes]) -> bytes:
        for name in speaks:
            if name in offered:
                return name
        raise SSL.Error([("SSL routines", "", "no application protocol")])  # the alert of RFC 7301 §3.2

    return choose


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_MAX + 1)
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise BadCertificate(f"{path}: {error.strerror}") from None
    if len(content) > FILE_MAX:
        raise BadCertificate(f"{path}: larger than {FILE_MAX} bytes")
    return content


def _certificates(path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(path))
    except BadCertificate:
        raise
    except ValueError:
        raise BadCertificate(f"{path}: no certificate in PEM in it") from None


def _key(path: str) -> Any:
    try:
        return load_pem_private_key(_content(path), None)
    except BadCertificate:
        raise
    except TypeError:
        raise BadCertificate(f"{path}: the key has a passphrase, and nobody is there to give it") from None
    except ValueError:
        raise BadCertificate(f"{path}: no private key in PEM in it") from None


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


def day(seconds: float) -> str:
    """Return a moment as data have it: UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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


def rooted(description: str, absolute: Callable[[str], str]) -> str:
    """Return an endpoint with the files in it as ``absolute`` has them."""
    plain, files = apart(description)
    if files is None:
        return description
    found = replace(
        files,
        key=absolute(files.key),
        certificate=absolute(files.certificate),
        chain=absolute(files.chain) if files.chain is not None else None,
    )
    kind, *rest = split_endpoint(plain)
    tail = [f"privateKey={found.key}", f"certKey={found.certificate}"]
    if found.chain is not None:
        tail.append(f"extraCertChain={found.chain}")
    return join_endpoint(["ssl" if kind == "tcp" else kind, *rest, *tail])

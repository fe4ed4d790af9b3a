"""Origins in TLS whose certificates are right, or wrong in a way that a test wants, and their authority."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

PEM = serialization.Encoding.PEM

_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

PAGE = b"<html lang=en><title>Sea</title><body><p>The %b waits for the tide.</p></body></html>"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _private(key: Any) -> bytes:
    return bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Issuer:
    """An authority for tests; its certificate is ``path``."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.path = folder, folder / f"{name}.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            self._builder(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path.write_bytes(self.certificate.public_bytes(PEM))
        (folder / f"{name}.key").write_bytes(_private(self.key))

    def _builder(
        self,
        subject: x509.Name,
        key: Any,
        days: tuple[float, float] = (-2, 30),
        *,
        issuer: x509.Name | None = None,
    ) -> Any:
        start, end = (_now() + datetime.timedelta(days=each) for each in days)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def issue(
        self, *names: str, days: tuple[float, float] = (-2, 20), bits: int = 0, alone: bool = False
    ) -> Path:
        """A file with a key and its certificate; ``bits``: of RSA; ``alone``: signed by itself."""
        key: Any = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        signer = key if alone else self.key
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        builder = self._builder(subject, key.public_key(), days, issuer=subject if alone else self.name)
        certificate = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        ).sign(signer, hashes.SHA256())
        path = self.folder / f"{certificate.serial_number:x}.pem"
        path.write_bytes(_private(key) + certificate.public_bytes(PEM))
        return path

    def issue_sha1(self, name: str) -> Path:
        """The same, signed with SHA-1, which our library rightly won't do."""
        stem = self.folder / "sha1"
        (self.folder / "sha1.ext").write_text(f"subjectAltName=DNS:{name}")
        run = [
            "openssl",
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{stem}.key",
            "-subj",
            f"/CN={name}",
        ]
        subprocess.run([*run, "-out", f"{stem}.csr"], check=True, capture_output=True)
        sign = ["openssl", "x509", "-req", "-sha1", "-in", f"{stem}.csr", "-CA", str(self.path), "-days", "9"]
        key = str(self.path.with_suffix(".key"))
        more = ["-CAkey", key, "-extfile", f"{stem}.ext", "-out", f"{stem}.crt"]
        subprocess.run([*sign, *more], check=True, capture_output=True)
        path = Path(f"{stem}.pem")
        path.write_bytes(Path(f"{stem}.key").read_bytes() + Path(f"{stem}.crt").read_bytes())
        return path

    def statement(self, path: Path, *, revoked: bool) -> bytes:
        """What the authority says of a certificate's revocation now (OCSP, DER)."""
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate,
                issuer=self.certificate,
                algorithm=hashes.SHA256(),
                cert_status=status,
                this_update=_now() - datetime.timedelta(hours=1),
                next_update=_now() + datetime.timedelta(days=1),
                revocation_time=_now() - datetime.timedelta(days=1) if revoked else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )


def _general(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


class TlsOrigin:
    """Listens on loopback until closed, in TLS, and answers each GET with a page; ``heads`` are what it got.

    ``extra``: lines of each answer's head.  ``staple``: a statement that goes with each handshake.  ``old``:
    only TLS 1.1; ``newest``: the newest version.  A request with Upgrade becomes an echo.
    """

    def __init__(
        self,
        certificate: Path,
        *,
        extra: Iterable[bytes] = (),
        staple: bytes = b"",
        old: bool = False,
        newest: int = SSL.TLS1_3_VERSION,
        word: bytes = b"harbour",
    ) -> None:
        self.heads: list[bytes] = []
        self.handshakes = 0
        self.sessions: list[bytes] = []  # of TLS 1.2, by their master keys
        self._extra, self._word = tuple(extra), word
        self._context = context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        context.use_privatekey_file(os.fspath(certificate))
        context.use_certificate_file(os.fspath(certificate))
        context.set_session_id(b"tests")
        context.set_max_proto_version(newest)
        if old:
            context.set_min_proto_version(SSL.TLS1_VERSION)
            context.set_max_proto_version(SSL.TLS1_1_VERSION)
        if staple:
            context.set_ocsp_server_callback(lambda connection, data: staple)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """It listens no more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, SSL.Error), client:
            connection = SSL.Connection(self._context, client)
            connection.set_accept_state()
            connection.do_handshake()
            self.handshakes += 1
            self.sessions.append(connection.master_key() or b"")
            waiting = b""
            while True:
                while b"\r\n\r\n" not in waiting:
                    waiting += connection.recv(65536)
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                self.heads.append(head)
                if b"\r\nupgrade: " in head.lower() and b"h2c" not in head:
                    connection.sendall(_SWITCHED)
                    while data := connection.recv(65536):
                        connection.sendall(data)
                self._answer(connection)

    def _answer(self, connection: SSL.Connection) -> None:
        body = PAGE % self._word
        lines = [
            b"HTTP/1.1 200 OK",
            b"Content-Type: text/html",
            b"Content-Length: %d" % len(body),
            *self._extra,
        ]
        connection.sendall(b"\r\n".join([*lines, b"", body]))


class Reader:
    """A client that goes through a proxy by CONNECT, with further ``fields``, and speaks TLS inside."""

    def __init__(self, proxy: int, host: str, port: int, fields: str = "") -> None:
        self.host = host
        self.raw = socket.create_connection(("127.0.0.1", proxy), timeout=60)
        place = f"{host}:{port}"
        self.raw.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{fields}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.raw.recv(1)
            if not data:
                break
            head += data
        self.status = int(head.split()[1]) if head else 0

    def tls(self, trusted: Path | str, *, name: str | None = "", **settings: Any) -> ssl.SSLSocket:
        """The handshake is done; ``trusted``: authorities; ``name``: another server name, None for none."""
        context = ssl.create_default_context(cafile=os.fspath(trusted))
        for key, value in settings.items():
            setattr(context, key, value)
        if name is None:
            context.check_hostname = False
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context.wrap_socket(self.raw, server_hostname=self.host if name == "" else name)


def ask(stream: Any, host: str, path: str = "/", *lines: str) -> tuple[int, bytes, bytes]:
    """Status, head and body of an answer to GET over an open connection."""
    fields = "".join(f"{line}\r\n" for line in lines)
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())
    return answer(stream)


def answer(stream: Any) -> tuple[int, bytes, bytes]:
    """Status, head and body of the next answer, which says its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(stream)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    ]
    while len(body) < int((lengths or [b"0"])[0]):
        body += _more(stream)
    return int(head.split()[1]), head, body


def _more(stream: Any) -> bytes:
    data = bytes(stream.recv(65536))
    if not data:
        raise ConnectionError("the connection ended in an answer")
    return data


def der(path: Path) -> bytes:
    """The certificate in a file, as a client sees it."""
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return found.public_bytes(serialization.Encoding.DER)

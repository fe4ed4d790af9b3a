"""The way to the proxy itself in TLS: ``--port ssl:…``, a "secure web proxy"."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import warnings
from pathlib import Path
from unittest import TestCase

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.real.hatchery import HatchedTwistd
from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, clean_environment, free_ports, require, until


def write_certificate(folder: Path, name: str = "one") -> bytes:
    """The folder has a certificate for 127.0.0.1 and its key, in one file; return its serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    (folder / "authority.pem").write_bytes(text)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + text)
    return made.public_bytes(serialization.Encoding.DER)


class SecureTests(TestCase):
    """A proxy that speaks TLS to its clients."""

    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-secure-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.shown = write_certificate(self.folder)
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        (self.port,) = free_ports(1)
        place = f"ssl:{self.port}:interface=127.0.0.1:privateKey={self.folder}/both.pem"
        self.proxy = HatchedTwistd(
            "proxy",
            "-p",
            place,
            "--allow-net",
            "127.0.0.0/8",
            "--connect-port",
            str(self.origin.port),
            *self.options,
        )
        self.addCleanup(self.proxy.close)
        self.proxy.up(r"proxy https://127\.0\.0\.1:\d+")
        processes = 3 if self.options else 1
        until("all listen", lambda: self.proxy.log.count("(TLS) starting on") == processes)

    def curl(self, *options: str) -> subprocess.CompletedProcess[bytes]:
        """Return how curl ended that went through the proxy."""
        require("curl", shutil.which("curl"))
        proxy = ["--proxy-cacert", str(self.folder / "authority.pem"), "-x", f"https://127.0.0.1:{self.port}"]
        return subprocess.run(
            ["curl", "-sS", "--max-time", str(FETCH_SECONDS), *proxy, *options],
            capture_output=True,
            env=clean_environment(),
            timeout=FETCH_SECONDS + 5,
            check=False,
        )

    def connected(self, least: ssl.TLSVersion, most: ssl.TLSVersion) -> ssl.SSLSocket:
        """Return a connection in one of these versions, checked against the certificate now in the file."""
        context = ssl.create_default_context(cafile=str(self.folder / "authority.pem"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old versions, which are asked for in order to be refused
            context.minimum_version, context.maximum_version = least, most
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        raw = socket.create_connection(("127.0.0.1", self.port), FETCH_SECONDS)
        self.addCleanup(raw.close)
        return context.wrap_socket(raw, server_hostname="127.0.0.1")

    def test_curl(self) -> None:
        """curl fetches a page, and a large body, and is answered in a tunnel."""
        self.assertEqual(self.curl(self.origin.url(7)).stdout, bytes(range(7)))
        body = self.folder / "body"
        done = self.curl("-o", str(body), self.origin.url(32 << 20))
        self.assertEqual((done.returncode, body.stat().st_size), (0, 32 << 20), done.stderr)
        self.assertEqual(self.curl("-p", self.origin.url(7)).stdout, bytes(range(7)))
        self.assertNotIn("Traceback", self.proxy.log)

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken, nothing older, and plain requests are not answered."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.connected(version, version).close()
        with self.assertRaises((ssl.SSLError, OSError)):
            self.connected(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
        with socket.create_connection(("127.0.0.1", self.port), FETCH_SECONDS) as plain:
            plain.sendall(b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.assertNotIn(b"HTTP", plain.recv(100))

    def test_tunnel(self) -> None:
        """Bytes pass both ways in a tunnel, and the origin's end is the client's."""
        tunnel = self.connected(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
        place = f"127.0.0.1:{self.origin.port}"
        tunnel.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        self.assertIn(b" 200 ", tunnel.recv(4096))
        tunnel.sendall(b"said")
        self.assertEqual(tunnel.recv(4096), b"said")
        tunnel.sendall(b"GET /no-number HTTP/1.1\r\n\r\n")  # our origin closes for that
        self.assertEqual(tunnel.recv(4096), b"")

    def test_other_certificate(self) -> None:
        """A reload shows the file's new certificate to new connections; the old ones go on."""
        before = self.connected(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        self.assertEqual(before.getpeercert(binary_form=True), self.shown)
        renewed = write_certificate(self.folder, "two")
        self.proxy.signal(signal.SIGHUP)
        self.proxy.wait_log("reloaded")

        def is_renewed() -> bool:
            try:
                connection = self.connected(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
            except ssl.SSLError:
                return False
            return connection.getpeercert(binary_form=True) == renewed

        until("the new certificate is shown", is_renewed)
        host = f"127.0.0.1:{self.origin.port}"
        before.sendall(f"GET http://{host}/7 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        self.assertIn(b"200", before.recv(4096))

    def test_faulty_certificate(self) -> None:
        """A file that is no certificate changes nothing, and is told of."""
        (self.folder / "both.pem").write_text("nothing")
        self.proxy.signal(signal.SIGHUP)
        self.proxy.wait_log("reload refused, nothing changed: ")
        self.connected(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3).close()
        self.assertNotIn("Traceback", self.proxy.log)


class SecureWorkersTests(SecureTests):
    """The same with workers."""

    options = ("--workers", "2")

"""Interception as a browser and a scanner of TLS see it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from unittest import TestCase

from OpenSSL import SSL

from netsuite.wordproxy.intercept.authority import Scope, make
from netsuite.wordproxy.intercept.hosts import Hosts, built_in
from netsuite.wordproxy.intercept.leaves import Leaves, utc_now
from tests.real.clients import browse
from tests.real.parts import ROOT, require, until
from tests.real.test_interception import HOST, NEVER, UNLISTED, Case

SCANNER = ROOT / ".venv-scan" / "bin" / "sslyze"

#: What the scanner objects to and we don't mend: no public store knows our authority, nor should it; and
#: OpenSSL offers two curves more than Mozilla's list, both stronger than those on it.
EXCEPTIONS = {"certificate_path_validation", "tls_curves"}


class BrowserTests(Case):
    """Chromium with our authority in a profile that is thrown away."""

    def test_reading(self) -> None:
        """It reads an opened page, whose words count; others show their own certificates in the same run."""
        require("libnss3-tools", shutil.which("certutil"))
        home = Path(tempfile.mkdtemp(prefix="netsuite-home-"))
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        store = home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        run = ["certutil", "-d", f"sql:{store}"]
        subprocess.run([*run, "-N", "--empty-password"], check=True)
        for name, path in (("ours", self.ours), ("origins", self.issuer.path)):
            subprocess.run([*run, "-A", "-t", "C,,", "-n", name, "-i", str(path)], check=True)
        urls = []
        for host in (HOST, UNLISTED, NEVER):
            origin = self.origin(host, word=b"breakwater")
            urls.append(f"https://{host}:{origin.port}/")
        seen = browse(urls, self.service.proxy, home=home)
        self.assertEqual([page.status for page in seen], [200, 200, 200])
        self.assertEqual([page.title for page in seen], ["Sea", "Sea", "Sea"])
        ours, *others = [page.issuer for page in seen]
        self.assertTrue(ours.startswith("netsuite wordproxy"), ours)
        self.assertEqual(others, ["authority", "authority"])
        sites = until("its words", lambda: self.sites_of("breakwater"))
        self.assertEqual(sites, [HOST])

    def sites_of(self, word: str) -> list[str]:
        """Where the word was met."""
        sites = (HOST, UNLISTED, NEVER)
        return [s for s in sites if self.service.report(f"/words.json?q={word}&site={s}")["words"]]


class ScannerTests(TestCase):
    """What we offer to clients, by sslyze: an own program, since it wants other versions of our libraries."""

    def setUp(self) -> None:
        require("sslyze", SCANNER.exists())
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-scan-"))
        self.addCleanup(shutil.rmtree, self.folder)
        # the wider scope: sslyze's library calls a constraint with a leading dot malformed, OpenSSL doesn't
        authority = make(Scope.of(Hosts(("localhost",), built_in()), "any"), utc_now())
        (self.folder / "ca.pem").write_bytes(authority.pem)
        self.context, _ = Leaves(authority, None)._made("localhost")
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.addCleanup(listener.close)
        self.port = listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        """One handshake with our context, and a short answer."""
        with contextlib.suppress(OSError, SSL.Error), client:
            connection = SSL.Connection(self.context, client)
            connection.set_accept_state()
            connection.do_handshake()
            while connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def test_offer(self) -> None:
        """No known weakness, no old protocol, no cipher outside Mozilla's list; see the exceptions."""
        result = self.folder / "result.json"
        more = ["--mozilla_config=intermediate", f"--certinfo_ca_file={self.folder}/ca.pem"]
        command = [str(SCANNER), *more, f"--json_out={result}", f"localhost:{self.port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        self.assertTrue(result.exists(), done.stdout + done.stderr)
        (scan,) = json.loads(result.read_text())["server_scan_results"]
        self.assertEqual(scan["scan_status"], "COMPLETED", done.stdout)
        found = scan["scan_result"]
        for name in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
            self.assertEqual(found[f"{name}_cipher_suites"]["result"]["accepted_cipher_suites"], [], name)
        self.assertFalse(found["heartbleed"]["result"]["is_vulnerable_to_heartbleed"])
        self.assertFalse(found["openssl_ccs_injection"]["result"]["is_vulnerable_to_ccs_injection"])
        self.assertFalse(
            found["session_renegotiation"]["result"]["is_vulnerable_to_client_renegotiation_dos"]
        )
        self.assertFalse(found["tls_compression"]["result"]["supports_compression"])
        self.assertTrue(found["tls_fallback_scsv"]["result"]["supports_fallback_scsv"])
        objections = {
            line.strip().removeprefix("* ").partition(":")[0]
            for line in done.stdout.partition("COMPLIANCE")[2].splitlines()
            if line.strip().startswith("* ")
        }
        self.assertLessEqual(objections, EXCEPTIONS, done.stdout)

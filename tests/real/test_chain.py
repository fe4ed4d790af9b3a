"""Proxies in a row, real ones: ours behind ours, ours behind a SOCKS server, some of them dead."""

from __future__ import annotations

import hashlib
import shutil
import socket
import tempfile
from pathlib import Path
from unittest import TestCase

import bcrypt

from tests.real.hatchery import HatchedTwistd
from tests.real.nameserver import Nameserver, having
from tests.real.origins import Origin, digest
from tests.real.parts import START_SECONDS, Child, Twistd, answers, free_ports, require, until

MEBIBYTE = 1 << 20


def proxy(*options: str) -> Twistd:
    """Return a proxy that is up, and may go to loopback and any port there."""
    service = HatchedTwistd(
        "proxy", "-p", "0", "--allow-net", "127.0.0.0/8", "--connect-port", "1-65535", *options
    )
    try:
        return service.up()
    except BaseException:
        service.close()
        raise


def said(port: int, *sent: bytes) -> bytes:
    """Return all that a proxy says to what is sent, up to the end."""
    with socket.create_connection(("127.0.0.1", port), START_SECONDS) as client:
        for piece in sent:
            client.sendall(piece)
        return b"".join(iter(lambda: client.recv(65536), b""))


class ChainCase(TestCase):
    """An origin, and ways to it."""

    def setUp(self) -> None:
        self.origin = Origin()
        self.addCleanup(self.origin.close)

    def up(self, *options: str) -> Twistd:
        """Return a proxy that is closed at the end."""
        service = proxy(*options)
        self.addCleanup(service.close)
        return service

    def socks(self, *options: str) -> int:
        """Return the port of a SOCKS server."""
        require("microsocks", shutil.which("microsocks"))
        port = free_ports(1)[0]
        server = Child("microsocks")
        self.addCleanup(server.close)
        server.start(["microsocks", "-i", "127.0.0.1", "-p", str(port), *options])
        until("the SOCKS server listens", lambda: answers("127.0.0.1", port))
        return port

    def fetched(self, front: Twistd, host: str = "127.0.0.1", size: int = MEBIBYTE, port: int = 0) -> str:
        """Return the digest of a body fetched in the clear, or the answer's status line if it is no 200."""
        request = b"GET http://%b:%d/%d HTTP/1.1\r\nHost: %b:%d\r\nConnection: close\r\n\r\n" % (
            (host.encode(), port or self.origin.port, size, host.encode(), port or self.origin.port)
        )
        head, _, body = said(front.ports["proxy"], request).partition(b"\r\n\r\n")
        line = head.partition(b"\r\n")[0].decode()
        return hashlib.sha256(body).hexdigest() if " 200 " in line else line + body.decode(errors="replace")

    def tunnelled(self, front: Twistd, host: str = "127.0.0.1", port: int = 0) -> str:
        """Return what comes back through a tunnel, or the status line if there is none."""
        asked = b"%b:%d" % (host.encode(), port or self.origin.port)
        with socket.create_connection(("127.0.0.1", front.ports["proxy"]), START_SECONDS) as client:
            client.sendall(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (asked, asked))
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    break
                head += data
            if not head.startswith(b"HTTP/1.1 200 "):
                return head.decode(errors="replace")
            client.sendall(b"hello")
            return client.recv(5, socket.MSG_WAITALL).decode()


class OursTests(ChainCase):
    """One of ours behind another."""

    def test_tunnel_by_http(self) -> None:
        """A tunnel goes by the second proxy, which wants a password from a file, to the origin."""
        with tempfile.TemporaryDirectory() as folder:
            users, secret = Path(folder) / "users", Path(folder) / "secret"
            secret.write_text("geheim\n")
            users.write_text(f"anna:{bcrypt.hashpw(b'geheim', bcrypt.gensalt(4)).decode()}\n")
            back = self.up("--htpasswd", str(users))
            place = f"127.0.0.1:{back.ports['proxy']}"
            front = self.up("-u", f"http://anna@{place}?password-file={secret}")
            self.assertEqual(self.tunnelled(front), "hello")
            wrong = self.up("-u", f"http://anna@{place}")
            self.assertIn("does not accept our credentials", self.tunnelled(wrong))
            without = self.up("-u", f"http://{place}")
            self.assertIn("wants credentials", self.tunnelled(without))
            for service in (front, wrong, without, back):
                service.stop()
                self.assertNotIn("geheim", service.log)

    def test_one_dies(self) -> None:
        """When the first of two ways dies the second is taken at once; without any it is a 502."""
        first, second = self.up(), self.up()
        places = [f"http://127.0.0.1:{each.ports['proxy']}" for each in (first, second)]
        front = self.up("-u", places[0], "-u", places[1])
        self.assertEqual(self.tunnelled(front), "hello")
        first.wait_log("CONNECT")
        self.assertNotIn("CONNECT", second.log)
        first.kill9()
        for _ in range(5):
            self.assertEqual(self.tunnelled(front), "hello")
        second.wait_log("CONNECT")
        second.kill9()
        self.assertIn(" 502 ", self.tunnelled(front))

    def test_direct_at_last(self) -> None:
        """With direct as the last way a dead proxy is no obstacle; by glob some hosts need none at all."""
        dead = free_ports(1)[0]
        front = self.up("-u", f"http://127.0.0.1:{dead}", "-u", "direct")
        self.assertEqual(self.tunnelled(front), "hello")
        front = self.up("-u", "127.0.0.*=direct", "-u", f"http://127.0.0.1:{dead}")
        self.assertEqual(self.tunnelled(front), "hello")

    def test_silent_way(self) -> None:
        """A way that accepts and says nothing is given up in its share of the time."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            place = f"http://127.0.0.1:{listener.getsockname()[1]}"
            front = self.up("--connect-timeout", "2", "-u", place, "-u", "direct")
            self.assertEqual(self.tunnelled(front), "hello")

    def test_target_that_speaks_first(self) -> None:
        """What a target says in one piece with the upstream proxy's 200 reaches the client."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            front = self.up("-u", f"http://127.0.0.1:{listener.getsockname()[1]}")
            with socket.create_connection(("127.0.0.1", front.ports["proxy"]), START_SECONDS) as client:
                client.sendall(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
                hop, _ = listener.accept()
                with hop:
                    hop.settimeout(START_SECONDS)
                    self.assertTrue(hop.recv(65536).startswith(b"CONNECT a.test:443 "))
                    hop.sendall(b"HTTP/1.1 200 OK\r\n\r\n220 hello")
                    hop.shutdown(socket.SHUT_WR)
                    said = b"".join(iter(lambda: client.recv(65536), b""))
                    self.assertTrue(said.endswith(b"\r\n\r\n220 hello"), said)
                    client.sendall(b"QUIT")
                    self.assertEqual(hop.recv(4, socket.MSG_WAITALL), b"QUIT")

    def test_plain_by_http(self) -> None:
        """Requests in the clear go by the second proxy, with our credentials and without the client's."""
        with tempfile.TemporaryDirectory() as folder:
            users, secret = Path(folder) / "users", Path(folder) / "secret"
            secret.write_text("geheim\n")
            users.write_text(f"anna:{bcrypt.hashpw(b'geheim', bcrypt.gensalt(4)).decode()}\n")
            back = self.up("--htpasswd", str(users))
            place = f"127.0.0.1:{back.ports['proxy']}"
            front = self.up("-u", f"http://anna@{place}?password-file={secret}")
            for _ in range(3):
                self.assertEqual(self.fetched(front), digest(MEBIBYTE))
            without = self.up("-u", f"http://{place}")
            told = self.fetched(without)
            self.assertIn(" 502 ", told)
            self.assertIn("wants credentials", told)
            self.assertNotIn("Proxy-Authenticate", told)

    def test_to_itself(self) -> None:
        """A proxy that is told to go by itself refuses to."""
        port = free_ports(1)[0]
        front = HatchedTwistd(
            "proxy", "-p", str(port), "-u", f"http://127.0.0.1:{port}", "--connect-port", "1-65535"
        )
        self.addCleanup(front.close)
        front.up()
        self.assertIn(" 508 ", self.tunnelled(front, "a.test"))


class SocksTests(ChainCase):
    """Ours behind a SOCKS server that others wrote."""

    def test_plain_and_tunnel(self) -> None:
        """Requests and tunnels go by it, names resolved here or there."""
        names = Nameserver({"o.test": having("127.0.0.1")})
        self.addCleanup(names.close)
        port = self.socks()
        here = self.up("-u", f"socks5://127.0.0.1:{port}", "--resolver", names.place)
        for host in ("127.0.0.1", "o.test"):
            self.assertEqual(self.fetched(here, host), digest(MEBIBYTE))
            self.assertEqual(self.tunnelled(here, host), "hello")
        there = self.up("-u", f"socks5h://127.0.0.1:{port}", "--resolver", names.place)
        asked = len(names.asked)
        self.assertEqual(self.fetched(there), digest(MEBIBYTE))
        self.assertEqual(self.tunnelled(there, "ip6-localhost.invalid")[:12], "HTTP/1.1 502")
        self.assertEqual(len(names.asked), asked, "the far end resolves")

    def test_log_in(self) -> None:
        """User and password are told; wrong ones are the upstream proxy's refusal."""
        port = self.socks("-u", "anna", "-P", "geheim")
        with tempfile.TemporaryDirectory() as folder:
            secret = Path(folder) / "secret"
            for password, answer in (("geheim", "hello"), ("falsch", "does not accept our credentials")):
                secret.write_text(password)
                front = self.up("-u", f"socks5://anna@127.0.0.1:{port}?password-file={secret}")
                self.assertIn(answer, self.tunnelled(front))
                front.stop()
                self.assertNotIn(password, front.log)
        front = self.up("-u", f"socks5://127.0.0.1:{port}")
        self.assertIn("wants credentials", self.tunnelled(front))

    def test_origin_refuses(self) -> None:
        """An origin that refuses is told as such, though the connection is another's."""
        front = self.up("-u", f"socks5://127.0.0.1:{self.socks()}")
        self.assertIn("refused", self.tunnelled(front, port=free_ports(1)[0]))


class ResolverTests(ChainCase):
    """The whole proxy with a DNS server that misbehaves."""

    def test_guard_after_resolution(self) -> None:
        """A name that turns private is refused at that request, though another got through before."""
        names = Nameserver({"o.test": having("127.0.0.1", ttl=0), "p.test": having("10.0.0.1")})
        self.addCleanup(names.close)
        front = self.up("--resolver", names.place)
        self.assertEqual(self.fetched(front, "o.test"), digest(MEBIBYTE))
        self.assertIn(" 403 ", self.fetched(front, "p.test"))
        self.assertIn(" 502 ", self.fetched(front, "none.test"))

    def test_dead_ipv6(self) -> None:
        """A name with an IPv6 address at which nobody listens is fetched by IPv4."""
        names = Nameserver({"o.test": having("127.0.0.1", "::1")})
        self.addCleanup(names.close)
        front = self.up("--resolver", names.place, "--allow-net", "::1/128")
        self.assertEqual(self.fetched(front, "o.test"), digest(MEBIBYTE))
        self.assertEqual(self.tunnelled(front, "o.test"), "hello")

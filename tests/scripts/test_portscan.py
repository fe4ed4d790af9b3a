"""portscan on real sockets: what is said, and each exit status by a real cause."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from netsuite.scan import banner
from netsuite.scripts import portscan
from tests.real.nameserver import Nameserver, having
from tests.real.parts import free_ports
from tests.real.tlsorigin import Issuer, TlsOrigin
from tests.scripts.tools import Quiet, ToolCase, records, saying


class TestCase(ToolCase):
    """Runs portscan."""

    def setUp(self) -> None:
        """Nobody here needs two seconds for a banner."""
        self.patch(banner, "BANNER_SECONDS", 0.3)

    async def said(self, *arguments: object) -> tuple[int, str, str]:
        """Return exit status and both outputs."""
        return await self.ran(portscan, *map(str, arguments))

    async def told(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Return exit status and the JSON object."""
        code, output, _ = await self.said("-j", *arguments)
        [record] = records(output)
        self.assertEqual((record["exit"], record["ok"]), (code, code == 0))
        return code, record

    def ports(self, *ports: int) -> tuple[str, str]:
        """Return the option for ports."""
        return "-p", ",".join(map(str, ports))

    def names(self, **names: tuple[str, ...]) -> str:
        """Return the place of a DNS server that knows names below .test."""
        server = Nameserver({f"{name}.test": having(*texts) for name, texts in names.items()})
        self.addCleanup(server.close)
        return str(server.place)


class OpenTests(TestCase):
    """What is open."""

    async def test_in_port_order(self) -> None:
        """The tutorial's line for each open port, in order, and nothing else on standard output."""
        opened = sorted(self.listening(Quiet) for _ in range(3))
        code, output, errors = await self.said(*self.ports(*reversed(opened), self.refusing()), "127.0.0.1")
        self.assertEqual((code, output), (0, "".join(f"Connected to port {port}\n" for port in opened)))
        self.assertEqual(errors, "portscan: 127.0.0.1: 3 open, 1 closed, 0 filtered, 0 errors\n")

    async def test_all_ports(self) -> None:
        """All 65,535 ports of this machine, with no limit: what listens is found, what doesn't is not."""
        opened = {self.listening(Quiet, "127.0.0.77") for _ in range(20)}
        code, record = await self.told("-p", "-", "--rate", "0", "127.0.0.77")
        [host] = record["result"]["hosts"]
        self.assertEqual(code, 0)
        self.assertLessEqual(opened, set(host["open"]))
        more = set(host["open"]) - opened  # who listens on all addresses, maybe only for a moment
        if more:
            _, again = await self.told(*self.ports(*more), "127.0.0.77")
            self.assertLessEqual(set(again["result"]["hosts"][0]["open"]), listening_everywhere())
        self.assertEqual(len(host["open"]) + host["closed"], 65535)

    async def test_nothing_open(self) -> None:
        """Nothing open is a whole answer: 0, and JSON says so."""
        code, record = await self.told(*self.ports(self.refusing()), "127.0.0.1")
        [host] = record["result"]["hosts"]
        self.assertEqual((code, host["open"], host["closed"]), (0, [], 1))
        self.assertTrue(record["result"]["complete"])

    async def test_addresses(self) -> None:
        """Every address of a name has results of its own, IPv6 too."""
        (port,) = free_ports(1)
        for address in ("::1", "127.0.0.3"):
            self.listening(Quiet, address, port)
        place = self.names(many=("::1", "127.0.0.2", "127.0.0.3"))
        code, record = await self.told("--resolver", place, *self.ports(port), "many.test")
        found = {host["address"]: host["open"] for host in record["result"]["hosts"]}
        self.assertEqual((code, found), (0, {"::1": [port], "127.0.0.2": [], "127.0.0.3": [port]}))
        _, output, _ = await self.said("--resolver", place, *self.ports(port), "many.test")
        self.assertEqual(
            sorted(output.splitlines()),
            [f"Connected to port {port} of many.test ({address})" for address in ("127.0.0.3", "::1")],
        )
        _, record = await self.told("-4", "--resolver", place, *self.ports(port), "many.test")
        self.assertEqual(len(record["result"]["hosts"]), 2)

    async def test_networks(self) -> None:
        """A network's addresses, each with its results."""
        port = self.listening(Quiet, "127.0.0.6")
        code, record = await self.told(*self.ports(port), "127.0.0.4/30")
        found = {host["address"]: host["open"] for host in record["result"]["hosts"]}
        self.assertEqual((code, found), (0, {"127.0.0.5": [], "127.0.0.6": [port]}))

    async def test_banners(self) -> None:
        """What ports say is escaped; where nothing is said the certificate's subject is."""
        folder = Path(self.mktemp())
        folder.mkdir()
        origin = TlsOrigin(Issuer(folder).issue("sea.test"))
        self.addCleanup(origin.close)
        talks, waits = self.listening(saying(b"220 \x1b]0;gone\x07 ready\r\nmore")), origin.port
        code, output, _ = await self.said("--banner", *self.ports(talks, waits), "127.0.0.1")
        self.assertEqual(code, 0)
        lines = {int(line.split()[3]): line for line in output.splitlines()}
        self.assertIn("220 \\u001b]0;gone\\u0007 ready", lines[talks])
        self.assertIn("TLS CN=sea.test", lines[waits])


class VerdictTests(TestCase):
    """The exit status never says more than is known."""

    async def test_expect(self) -> None:
        """0 as expected, 1 if it differs, with the ports."""
        opened, refused = self.listening(Quiet), self.refusing()
        ports = self.ports(opened, refused)
        code, output, _ = await self.said("--expect", opened, *ports, "127.0.0.1")
        self.assertEqual(code, 0)
        self.assertIn("127.0.0.1: as expected (1 closed, 0 filtered, 0 errors)\n", output)
        code, output, errors = await self.said("--expect", refused, *ports, "127.0.0.1")
        self.assertEqual((code, errors), (1, ""))
        self.assertIn(f"127.0.0.1: +{opened} -{refused} (1 closed, 0 filtered, 0 errors)\n", output)
        code, record = await self.told("--expect", refused, *ports, "127.0.0.1")
        [host] = record["result"]["hosts"]
        self.assertEqual((code, record["cause"]), (1, "no"))
        self.assertEqual((host["unexpected"], host["missing"]), ([opened], [refused]))
        self.assertEqual((await self.said("--expect", "", *self.ports(refused), "127.0.0.1"))[0], 0)

    async def test_expected_closed_and_filtered(self) -> None:
        """Silence is no proof of closed: 3, unless that is said to be enough."""
        opened, silent = self.listening(Quiet), self.silent()
        arguments = ("-t", "0.1", "--expect", opened, *self.ports(opened, silent), "127.0.0.1")
        code, record = await self.told(*arguments)
        [host] = record["result"]["hosts"]
        self.assertEqual((code, host["unclear"], host["filtered"]), (3, [silent], [silent]))
        self.assertEqual((await self.told("--filtered-is-closed", *arguments))[0], 0)

    async def test_dead_host(self) -> None:
        """All silent is 3, not "nothing open"; with --filtered-is-closed too."""
        silent = self.ports(self.silent())
        for more in ((), ("--expect", ""), ("--filtered-is-closed", "--expect", "")):
            code, record = await self.told("-t", "0.1", *silent, *more, "127.0.0.1")
            self.assertEqual((code, record["cause"]), (3, "unknown"), record)
            self.assertEqual(record["result"]["hosts"][0]["state"], "unknown")

    async def test_unreachable(self) -> None:
        """No way to the address is 7."""
        code, record = await self.told("-p", "1-50", "127.255.255.255")
        self.assertEqual((code, record["cause"]), (7, "unreachable"))

    async def test_name(self) -> None:
        """A name that is not found is 4; the other hosts are scanned nevertheless."""
        place, port = self.names(), self.listening(Quiet)
        code, output, errors = await self.said("--resolver", place, *self.ports(port), "no.test")
        self.assertEqual((code, output, errors.count("\n")), (4, "", 1))
        code, record = await self.told("--resolver", place, *self.ports(port), "no.test", "127.0.0.1")
        self.assertEqual((code, record["result"]["hosts"][0]["open"]), (4, [port]))

    async def test_usage(self) -> None:
        """Wrong command lines are 2 and one line."""
        for arguments in (
            ("-p", "0", "localhost"),
            ("-p", "70000", "localhost"),
            ("-p", "9-1", "localhost"),
            ("-p", "nonsense", "localhost"),
            ("-p", "1\x002", "localhost"),
            ("a" * 300,),
            ("a\0b",),
            ("10.0.0.0/8",),
            ("--max-hosts", "5000", "10.0.0.0/20"),
            ("--exclude", "1-200", "localhost"),
            ("--expect", "500", "localhost"),
            ("--update", "localhost"),
            ("--expect", "1", "--baseline", "x", "localhost"),
            ("--csv", "--oX", "-", "localhost"),
            ("--rate", "-1", "localhost"),
            ("--parallel", "0", "localhost"),
            ("--baseline", "a\0b", "localhost"),
        ):
            code, output, errors = await self.said(*arguments)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), (arguments, errors))
        self.assertEqual(await self.said(), (2, "", "Usage: portscan.py host\n"))
        for kind in ("-sS", "-sU"):
            code, _, errors = await self.said(kind, "localhost")
            self.assertEqual(code, 2)
            self.assertIn("out of its scope", errors)
            self.assertIn("out of its scope", " ".join(portscan.Options().getUsage().split()))

    async def test_own_network(self) -> None:
        """More than 256 hosts need a word."""
        options = portscan.Options()
        options.parseOptions(["-p", "80", "--max-hosts", "5000", "--yes-own-network", "10.0.0.0/20"])
        self.assertEqual(len(options.hosts), 4094)


class BaselineTests(TestCase):
    """What was found last time."""

    async def test_new_and_gone(self) -> None:
        """A listener that came, and one that went, are differences until they are accepted."""
        path = self.mktemp()
        stays, goes, comes = self.listening(saying(b"one\n")), self.listening(Quiet), self.refusing()
        ports = (*self.ports(stays, goes, comes), "--banner", "127.0.0.1")
        code, _, errors = await self.said("--baseline", path, *ports)
        self.assertEqual(code, 12)
        self.assertIn("--update makes it", errors)
        self.assertEqual((await self.said("--baseline", path, "--update", *ports))[0], 0)
        self.assertEqual((await self.said("--baseline", path, *ports))[0], 0)
        text = Path(path).read_text()
        self.assertIn(f"open {stays} ", text)
        Path(path).write_text(text.replace(f"open {goes} ", f"open {comes} ").replace('"one"', '"two"'))
        code, output, _ = await self.said("--baseline", path, *ports)
        self.assertEqual(code, 1)
        marks = next(line for line in output.splitlines() if line.startswith("127.0.0.1:")).split()
        self.assertEqual(marks[1:4], [f"+{goes}", f"-{comes}", f"~{stays}"])
        self.assertEqual((await self.said("--baseline", path, "--update", *ports))[0], 0)
        self.assertEqual((await self.said("--baseline", path, *ports))[0], 0)

    async def test_other_range_or_host(self) -> None:
        """A file of other ports or another host is refused: 2, and it stays as it was."""
        path, port = self.mktemp(), self.listening(Quiet)
        await self.said("--baseline", path, "--update", *self.ports(port), "127.0.0.1")
        before = Path(path).read_bytes()
        for arguments in (
            (*self.ports(port, self.refusing()), "127.0.0.1"),
            (*self.ports(port), "127.0.0.2"),
        ):
            code, _, errors = await self.said("--baseline", path, *arguments)
            self.assertEqual(code, 2)
            self.assertIn(f"{path} is of", errors)
        self.assertEqual(Path(path).read_bytes(), before)

    async def test_unknown_is_not_accepted(self) -> None:
        """What is not known is never written."""
        path = self.mktemp()
        arguments = ("-t", "0.1", *self.ports(self.silent()), "127.0.0.1")
        self.assertEqual((await self.said("--baseline", path, "--update", *arguments))[0], 3)
        self.assertFalse(Path(path).exists())

    async def test_files(self) -> None:
        """A file that is none, or can't be read or written, is 12 and one line."""
        path = Path(self.mktemp())
        path.write_bytes(b"\xff\xfe nonsense")
        port = self.ports(self.refusing())
        for arguments in (
            ("--baseline", path),
            ("--baseline", "/"),
            ("--baseline", "/nonexistent/x", "--update"),
            ("--oX", "/nonexistent/x"),
        ):
            code, output, errors = await self.said("-q", *arguments, *port, "127.0.0.1")
            self.assertEqual((code, output, errors.count("\n")), (12, "", 1), errors)


class FormatTests(TestCase):
    """Other forms of the results."""

    async def test_csv_and_xml(self) -> None:
        """Both are read back, from standard output or a file."""
        port, path = self.listening(Quiet), self.mktemp()
        ports = self.ports(port, self.refusing())
        code, output, _ = await self.said("-q", "--csv", *ports, "127.0.0.1")
        rows = list(csv.reader(io.StringIO(output)))
        self.assertEqual((code, rows[1][:4]), (0, ["127.0.0.1", "127.0.0.1", str(port), "open"]))
        await self.said("--oX", path, *ports, "127.0.0.1")
        code, output, _ = await self.said("-q", "--oX", "-", *ports, "127.0.0.1")
        for text in (Path(path).read_text(), output):
            tree = ElementTree.fromstring(text)
            self.assertEqual([one.get("portid") for one in tree.iter("port")], [str(port)])


def listening_everywhere() -> set[int]:
    """Return the ports on which somebody listens on all addresses of this machine."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            for line in Path(table).read_text().splitlines()[1:]:
                place = line.split()[1]
                host, _, port = place.rpartition(":")
                if not host.strip("0"):
                    ports.add(int(port, 16))
    return ports

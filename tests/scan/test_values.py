"""Ports, hosts, comparisons and formats as values."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.outcome import Failed
from netsuite.reach.wellknown import COMMON, name_of, port_named
from netsuite.scan import baseline, told
from netsuite.scan.compare import Difference, Known, difference
from netsuite.scan.ports import parse_hosts, parse_ports, ranges, top
from netsuite.scan.state import Result

some_ports = st.sets(st.integers(1, 65535), min_size=1, max_size=50)


def result(opened: tuple[int, ...] = (), filtered: tuple[int, ...] = (), **more: object) -> Result:
    """Return the result of a scan of ports 1 to 200."""
    ports = tuple(range(1, 201))
    closed = 200 - len(opened) - len(filtered)
    return Result("localhost", "127.0.0.1", ports, opened, closed, filtered, **more)  # type: ignore[arg-type]


class PortsTests(SynchronousTestCase):
    """Lists of ports."""

    def test_lists(self) -> None:
        """Ranges, names and repetitions."""
        for text, ports in (
            ("1-3,3,http", (1, 2, 3, 80)),
            ("https, 22", (22, 443)),
            ("65534-", (65534, 65535)),
            ("http-alt", (8080,)),
        ):
            self.assertEqual(parse_ports(text), ports, text)
        self.assertEqual(len(parse_ports("-")), 65535)

    def test_wrong(self) -> None:
        """What is no list of ports is refused."""
        for text in (
            "",
            "0",
            "65536",
            "70000",
            "9-1",
            "1,,2",
            "-5",
            "x-y",
            "no-such-service",
            "1-2-3",
            "١",
            "1\0",
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_ports(text)
        with self.assertRaises(ValueError):
            parse_ports(",".join(["1"] * 5000))

    @settings(deadline=None, max_examples=100)
    @given(some_ports)
    def test_ranges_read_back(self, ports: set[int]) -> None:
        """Ports as short text are the same ports."""
        self.assertEqual(set(parse_ports(ranges(sorted(ports)))), ports)

    def test_common(self) -> None:
        """The most common ports, in order of their numbers; names both ways."""
        self.assertEqual(top(3), (22, 80, 443))
        self.assertGreater(len(COMMON), 150)
        self.assertEqual(len(top(10_000)), len(COMMON))
        self.assertEqual((port_named("SSH"), name_of(22)), (22, "ssh"))
        self.assertEqual((port_named("prometheus"), port_named("no such\0thing")), (9090, None))

    def test_hosts(self) -> None:
        """Names, addresses and networks within the bound."""
        self.assertEqual(parse_hosts("192.0.2.0/30", 256), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(parse_hosts("192.0.2.7/32", 256), ["192.0.2.7"])
        self.assertEqual(len(parse_hosts("192.0.2.77/24", 256)), 254)
        self.assertEqual(len(parse_hosts("2001:db8::/126", 256)), 3)
        for text in ("10.0.0.0/8", "::/0", "192.0.2.0/33", "x/8", "a b", "a" * 300):
            with self.assertRaises(ValueError, msg=text):
                parse_hosts(text, 256)


class CompareTests(SynchronousTestCase):
    """What was found against what should be."""

    def test_differences(self) -> None:
        """Unexpected, missing, changed and unclear ports."""
        known = Known(frozenset({22, 80}), frozenset({137}), ((22, "old"),))
        found = result((22, 25), (137, 138), banners={22: "new"})
        self.assertEqual(difference(found, known), Difference((25,), (80,), (22,), (138,)))
        self.assertEqual(str(difference(found, known)), "+25 -80 ~22 ?138")
        self.assertEqual(difference(found, known, filtered_is_closed=True).unclear, ())

    def test_unknown_is_not_missing(self) -> None:
        """A port whose state is not known, or that was not scanned, is not said to be gone."""
        known = Known(frozenset({22, 80, 443}))
        found = result((22,), errors={80: errno.EMFILE})
        self.assertEqual(difference(found, known), Difference())

    def test_filtered_and_expected(self) -> None:
        """A port that should be open and is filtered is missing."""
        self.assertEqual(difference(result((), (80,)), Known(frozenset({80}))).missing, (80,))


class BaselineTests(SynchronousTestCase):
    """The file of what was found last time."""

    def text(self, *results: Result) -> str:
        """Return a file."""
        return baseline.written(results, banner=True, when="2026-01-05T10:00:00Z")

    def test_read_back(self) -> None:
        """What was written is read, banners with quotes and all."""
        found = result((22, 25), (137, 138), banners={22: 'SSH "2"\\u001b ', 25: ""})
        text = self.text(found)
        self.assertTrue(text.startswith("# portscan baseline of 2026-01-05T10:00:00Z"))
        self.assertIn('\nopen 22 ssh "SSH \\"2\\"', text)
        read = baseline.parse(text)
        known = read.hosts["localhost", "127.0.0.1"]
        self.assertEqual((read.ports, read.banner), (found.ports, True))
        self.assertEqual((known.open, known.filtered), ({22, 25}, {137, 138}))
        self.assertEqual(difference(found, known), Difference())

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=40))
    def test_any_banner(self, said: str) -> None:
        """Whatever a port says, the file has it on one line and reads it back."""
        text = self.text(result((22,), banners={22: said}))
        [known] = baseline.parse(text).hosts.values()
        self.assertEqual(dict(known.banners), {22: said})

    def test_refused(self) -> None:
        """A file of other hosts or ports is refused, and one that is none is told with its line."""
        found = result((22,))
        read = baseline.parse(self.text(found))
        baseline.fitting(read, [found], "f")
        other = Result("elsewhere", "127.0.0.1", found.ports, (), 200, ())
        fewer = Result("localhost", "127.0.0.1", (1, 2), (), 2, ())
        for one in (other, fewer):
            with self.assertRaises(Failed):
                baseline.fitting(read, [one], "f")
        good = self.text(found)
        for text in (
            "",
            "hello",
            good.replace("ports 1-200", "ports 0"),
            good.replace("open 22", "open x"),
            good + "host a\n",
            good + "what 1\n",
            good.replace("banner yes", "banner perhaps"),
            "# portscan baseline\nports 1\n",
            "# portscan baseline\nopen 1\n",
        ):
            with self.assertRaises(ValueError, msg=text):
                baseline.parse(text)

    @settings(deadline=None, max_examples=100)
    @given(st.text())
    def test_any_file(self, text: str) -> None:
        """Whatever a file has, it is read or refused by ValueError."""
        with contextlib.suppress(ValueError):
            baseline.parse("# portscan baseline\nports 1-9\nbanner no\n" + text)


class FormatTests(SynchronousTestCase):
    """CSV, XML and JSON that other programs read."""

    def setUp(self) -> None:
        """A result with all that may be told."""
        said = {22: '=cmd|"x"&<\\u001b', 25: ""}
        self.found = result((22, 25), (137,), errors={150: errno.EMFILE}, banners=said)

    def test_csv(self) -> None:
        """A row for all that is not closed; no cell is a formula."""
        head, *rows = csv.reader(io.StringIO(told.as_csv([self.found])))
        self.assertEqual(head, ["host", "address", "port", "state", "service", "banner"])
        self.assertEqual(
            [row[2:4] for row in rows[:3]], [["22", "open"], ["25", "open"], ["137", "filtered"]]
        )
        self.assertTrue(rows[3][3].startswith("error: Too many open files"))
        self.assertEqual(rows[0][5][:2], "'=")

    def test_xml(self) -> None:
        """It is well-formed, and where nmap's readers look is what they look for."""
        nothing = Result("::1", "::1", (1, 2), (), 0, (1, 2))
        tree = ElementTree.fromstring(
            told.as_xml([self.found, nothing], arguments='a "b"', started=1, ended=2).replace(
                "<!DOCTYPE nmaprun>", ""
            )
        )
        ports = {
            port.get("portid"): (port.find("state").get("state"), port.find("service").get("name"))  # type: ignore[union-attr]
            for port in tree.find("host").findall("ports/port")  # type: ignore[union-attr]
        }
        self.assertEqual(ports["22"], ("open", "ssh"))
        self.assertEqual(ports["137"][0], "filtered")
        self.assertEqual(
            [host.find("status").get("state") for host in tree.findall("host")], ["up", "unknown"]
        )  # type: ignore[union-attr]

    def test_json(self) -> None:
        """All is there, also when nothing is open."""
        record = told.record(Result("x", "192.0.2.7", (1, 2), (), 2, ()), None)
        self.assertEqual(
            (record["open"], record["closed"], record["filtered"], record["errors"]), ([], 2, [], [])
        )
        json.dumps(told.record(self.found, Difference((22,), (23,))))

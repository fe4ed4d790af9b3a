"""What was found last time, in a file that people can read, and that is read strictly.

    # portscan baseline of 2026-11-23T19:40:00Z; portscan --baseline FILE --update writes it anew
    ports 1-200
    banner no
    host localhost 127.0.0.1
    open 22 ssh
    open 25 smtp "220 mail.example.org ESMTP"
    filtered 135-139

A file of other hosts or ports is refused: it would make everything a difference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from netsuite.outcome import Failed
from netsuite.reach.wellknown import name_of
from netsuite.scan.compare import Known
from netsuite.scan.ports import parse_ports, ranges
from netsuite.scan.state import Result

#: Bytes of a file that are read: 256 hosts with all their ports open are less.
FILE_BYTES = 64 << 20

_HEAD = "# portscan baseline"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was found: by host and address, of which ports, and whether they were asked for banners."""

    ports: tuple[int, ...]
    banner: bool
    hosts: dict[tuple[str, str], Known]


def written(results: Sequence[Result], *, banner: bool, when: str) -> str:
    """Return the file of what was found.  ``when``: UTC, ISO 8601."""
    lines = [f"{_HEAD} of {when}; portscan --baseline FILE --update writes it anew"]
    lines.append(f"ports {ranges(results[0].ports)}")
    lines.append(f"banner {'yes' if banner else 'no'}")
    for result in results:
        lines.append(f"host {result.host} {result.address}")
        for port in result.open:
            said = result.banners.get(port)
            text = f" {json.dumps(said)}" if said is not None else ""
            lines.append(f"open {port} {name_of(port) or '-'}{text}")
        if result.filtered:
            lines.append(f"filtered {ranges(result.filtered)}")
    return "\n".join(lines) + "\n"


def parse(text: str) -> Baseline:
    """Return what a file says.  Raises: ValueError, a clause with the line's number."""
    if not text.startswith(_HEAD):
        raise ValueError("is no baseline of portscan")
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                reading.line(line)
            except (ValueError, KeyError, IndexError, TypeError):
                raise ValueError(f"can't be read at line {number}") from None
    if not reading.ports or not reading.hosts:
        raise ValueError("ends before it says what was scanned")
    known = {
        key: Known(frozenset(opened), frozenset(filtered), tuple(banners.items()))
        for key, (opened, filtered, banners) in reading.hosts.items()
    }
    return Baseline(reading.ports, reading.banner, known)


class _Reading:
    """A file as it is read, line by line."""

    def __init__(self) -> None:
        self.ports: tuple[int, ...] = ()
        self.banner = False
        self.hosts: dict[tuple[str, str], tuple[set[int], set[int], dict[int, str]]] = {}
        self._now: tuple[set[int], set[int], dict[int, str]] | None = None

    def line(self, line: str) -> None:
        """Read one line.  Raises: ValueError and its like."""
        word, _, rest = line.partition(" ")
        if word == "ports" and not self.ports:
            self.ports = parse_ports(rest)
        elif word == "banner":
            self.banner = {"yes": True, "no": False}[rest]
        elif word == "host":
            host, address = rest.split(" ")
            if (host, address) in self.hosts:
                raise ValueError
            self._now = self.hosts[host, address] = (set(), set(), {})
        elif word == "open" and self._now is not None:
            port, _, more = rest.partition(" ")
            [number] = parse_ports(port)
            self._now[0].add(number)
            _, _, said = more.partition(" ")
            if said:
                self._now[2][number] = str(json.loads(said))
        elif word == "filtered" and self._now is not None:
            self._now[1].update(parse_ports(rest))
        else:
            raise ValueError


def fitting(baseline: Baseline, results: Sequence[Result], path: str) -> None:
    """Raise Failed if a baseline is of other ports, hosts or addresses than what was scanned."""
    ports = results[0].ports
    if baseline.ports != ports:
        raise Failed(
            "usage", f"{path} is of ports {_short(ranges(baseline.ports))}, not {_short(ranges(ports))}"
        )
    before, now = set(baseline.hosts), {(result.host, result.address) for result in results}
    if before != now:
        raise Failed("usage", f"{path} is of {_named(before)}, not {_named(now)}")


def _named(hosts: set[tuple[str, str]]) -> str:
    return _short(", ".join(f"{host} at {address}" for host, address in sorted(hosts)))


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"

"""A scan's results in the forms that others read: lines, JSON, CSV, and a subset of nmap's XML."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from netsuite.outcome import version
from netsuite.reach.wellknown import name_of
from netsuite.scan.compare import Difference
from netsuite.scan.ports import ranges
from netsuite.scan.state import Result


def counts(result: Result) -> str:
    """Return how many ports of an address are not open, by state."""
    unknown = f", {len(result.unknown)} not come to" if result.unknown else ""
    return f"{result.closed} closed, {len(result.filtered)} filtered, {len(result.errors)} errors{unknown}"


def open_lines(result: Result, *, alone: bool, named: bool) -> list[str]:
    """Return a line for each open port.  ``alone``: no other address was scanned; ``named``: with banners."""
    where = "" if alone else f" of {where_of(result)}"
    lines = []
    for port in result.open:
        said = result.banners.get(port)
        name = f" {name_of(port) or '-'}" if named else ""
        lines.append(f"Connected to port {port}{where}{name}{f' {said}' if said else ''}")
    return lines


def summary(result: Result, difference: Difference | None = None) -> str:
    """Return the line on an address."""
    where = where_of(result)
    if difference is None:
        return f"{where}: {len(result.open)} open, {counts(result)}"
    return f"{where}: {str(difference) or 'as expected'} ({counts(result)})"


def where_of(result: Result) -> str:
    """Return host and address for people, the address only where the host does not say it."""
    return (
        result.host
        if result.is_only or result.host == result.address
        else f"{result.host} ({result.address})"
    )


def error_text(code: int) -> str:
    """Return what an error number means."""
    return os.strerror(code) if code > 0 else "not come to"


def record(result: Result, difference: Difference | None) -> dict[str, object]:
    """Return an address's result as JSON has it."""
    told: dict[str, object] = {
        "host": result.host,
        "address": result.address,
        "state": _state(result),
        "open": list(result.open),
        "closed": result.closed,
        "filtered": list(result.filtered),
        "errors": [{"port": port, "error": error_text(code)} for port, code in result.errors.items()],
        "services": {str(port): name_of(port) for port in result.open},
    }
    if result.unknown:
        told["unknown"] = ranges(result.unknown)
    if result.banners:
        told["banners"] = {str(port): said for port, said in sorted(result.banners.items())}
    if difference is not None:
        told["unexpected"], told["missing"] = list(difference.unexpected), list(difference.missing)
        told["changed"], told["unclear"] = list(difference.changed), list(difference.unclear)
    return told


def _state(result: Result) -> str:
    if result.has_answered:
        return "up"
    return "unreachable" if result.is_unreachable else "unknown"


def as_csv(results: Sequence[Result]) -> str:
    """Return all that is not closed as CSV (RFC 4180), with a head; closed ports are counted by address."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("host", "address", "port", "state", "service", "banner"))
    for result in results:
        rows = [(port, "open") for port in result.open]
        rows += [(port, "filtered") for port in result.filtered]
        rows += [(port, f"error: {error_text(code)}") for port, code in result.errors.items()]
        for port, state in sorted(rows):
            said = _cell(result.banners.get(port, ""))
            table.writerow((result.host, result.address, port, state, name_of(port) or "", said))
        table.writerow((result.host, result.address, "", f"closed: {result.closed}", "", ""))
    return text.getvalue()


def _cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def as_xml(results: Sequence[Result], *, arguments: str, started: int, ended: int) -> str:
    """Return results as the part of nmap's XML that its readers rely on."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<!DOCTYPE nmaprun>"]
    lines.append(
        f'<nmaprun scanner="portscan" args={quoteattr(arguments)} start="{started}"'
        f' version={quoteattr(version())} xmloutputversion="1.05">'
    )
    up = 0
    for result in results:
        up += result.has_answered
        lines.extend(_host(result))
    lines.append(
        f'<runstats><finished time="{ended}" exit="success"/>'
        f'<hosts up="{up}" down="{len(results) - up}" total="{len(results)}"/></runstats>'
    )
    return "\n".join([*lines, "</nmaprun>", ""])


def _host(result: Result) -> list[str]:
    state, reason = ("up", "conn-refused") if result.has_answered else ("unknown", "no-response")
    kind = "ipv6" if ":" in result.address else "ipv4"
    lines = [f'<host><status state="{state}" reason="{reason}"/>']
    lines.append(f'<address addr={quoteattr(result.address)} addrtype="{kind}"/>')
    lines.append(f'<hostnames><hostname name={quoteattr(result.host)} type="user"/></hostnames><ports>')
    lines.append(f'<extraports state="closed" count="{result.closed}"/>')
    ports = [(port, "open", "syn-ack") for port in result.open]
    ports += [(port, "filtered", "no-response") for port in result.filtered]
    for port, named, reason in sorted(ports):
        service = f'<service name={quoteattr(name_of(port) or "unknown")} method="table" conf="3"/>'
        said = result.banners.get(port)
        script = f'<script id="banner" output={quoteattr(said)}/>' if said else ""
        lines.append(
            f'<port protocol="tcp" portid="{port}"><state state="{named}" reason="{reason}" reason_ttl="0"/>'
            f"{service}{script}</port>"
        )
    return [*lines, "</ports></host>"]

r"""The access log of our sites: a line for each answer, in Apache's combined form (``--access-log``).

    127.0.0.1 - - [05/Jan/2026:10:33:44 +0100] "GET /test HTTP/1.1" 200 22 "-" "curl/8.5.0"

As Apache writes them, a quote, a backslash, and whatever is no printable ASCII stand as ``\"``, ``\\`` and
``\xhh``; so no client can forge a line.  Queries are ``?...``, in the referring address too (rule R3, in
ASCII, as parsers have it); the user's place is always empty.  Source: Apache HTTP Server, mod_log_config.
"""

from __future__ import annotations

import re
import time

from netsuite import journal
from netsuite.aside import NEVER, Rotation
from netsuite.linefile import LineFile, Soon

#: Longest piece of a client's text in a line, in bytes.
TEXT_MAX = 2048

#: Shown forms of user agents that are kept ready.
_AGENTS_MAX = 256

_PLAIN = re.compile(rb"[ !#-\[\]-~]*")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Visits:
    """Where the lines go.  ``where``: ``-`` the twistd log, ``off``, or a file's path.

    ``soon``, ``rotation``: as `LineFile` has them; ``service``: whose answers they are.  ``is_off``: nothing
    is kept, so that nothing needs to be told.
    """

    def __init__(
        self, where: str, *, soon: Soon | None = None, rotation: Rotation = NEVER, service: str = ""
    ) -> None:
        self._service = service
        self.is_off = where == "off"
        self._file = None if where in ("-", "off") else LineFile(where, soon, rotation)
        self._second, self._stamp = -1, ""
        self._agents: dict[bytes, str] = {b"": "-"}

    def open(self) -> None:
        """Open the file, or open it again after it was moved away.  Raises: OSError."""
        if self._file is not None:
            self._file.open()

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if self._file is not None:
            self._file.close()

    def visit(
        self, client: str, line: bytes, status: int, sent: int, referer: bytes = b"", agent: bytes = b""
    ) -> None:
        """An answer ended.  ``line``: the request's first, as it came; ``sent``: bytes of the body."""
        if self.is_off:
            return
        asked = request_text(line)
        told = self._agents.get(agent) or self._agent(agent)
        came_from = address_text(referer) if referer else "-"
        shown = (
            f'{client or "-"} - - [{self._time()}] "{asked}" {status} {sent or "-"} "{came_from}" "{told}"'
        )
        if self._file is None:
            journal.visited(
                text=shown, client=client, request=asked, status=status, sent=sent, service=self._service
            )
        else:
            self._file.line(shown + "\n")

    def _agent(self, agent: bytes) -> str:
        if len(self._agents) >= _AGENTS_MAX:
            self._agents.clear()
            self._agents[b""] = "-"
        told = text(agent)
        if len(agent) <= TEXT_MAX:
            self._agents[agent] = told
        return told

    def _time(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second, local = now, time.localtime(now)
            month = _MONTHS[local.tm_mon - 1]  # not the locale's
            self._stamp = time.strftime(f"%d/{month}/%Y:%H:%M:%S %z", local)
        return self._stamp


def text(raw: bytes) -> str:
    """Return a client's text as it stands between quotes."""
    if len(raw) > TEXT_MAX:
        return text(raw[:TEXT_MAX]) + "..."
    shown = raw.decode("latin-1")
    return shown if _PLAIN.fullmatch(raw) else _UNSAFE.sub(_escape, shown)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return "\\" + char if char in '"\\' else f"\\x{ord(char):02x}"


def request_text(line: bytes) -> str:
    """Return a request's first line, its query hidden unless ``--log-queries`` shows it."""
    if b"?" not in line and b"@" not in line:
        return text(line)
    method, space, rest = line.partition(b" ")
    target, gap, version = rest.rpartition(b" ")
    if not gap:
        target, version = rest, b""
    return text(method + space) + address_text(target) + text(gap + version)


def address_text(address: bytes) -> str:
    """Return an address without what is secret in it: user, password, query and fragment."""
    scheme, mark, rest = address.partition(b"://")
    if mark:
        authority, slash, path = rest.partition(b"/")
        address = scheme + mark + authority.rpartition(b"@")[2] + slash + path
    path, question, _query = address.partition(b"?")
    if question and not journal.shows_queries():
        return text(path) + "?..."
    return text(address.partition(b"#")[0])

"""A line for each request and tunnel as it ends: to the twistd log, a file or nowhere (``--access-log``).

Lines of one turn of the reactor are written together.  What a line tells is plain text already: the request
line's grammar has no control characters, and what an origin said is escaped.
"""

from __future__ import annotations

import json
import string
import time
from typing import Any

from netsuite import journal
from netsuite.aside import NEVER, Rotation
from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target
from netsuite.linefile import LineFile, Soon

#: What ``--log-format`` may name.
NAMES = ("time", "client", "conn", "method", "url", "status", "kind", "sent", "received", "seconds", "peer")

#: Content types whose shown form is kept ready, and their length; a hostile origin may send any.
_KINDS_MAX, _KIND_BYTES = 256, 256

_COUNTS = ("conn", "sent", "received")

#: The least and the most, of every kind, that a form must be able to show.
_PROBES: tuple[dict[str, Any], ...] = (
    dict.fromkeys(NAMES, "") | dict.fromkeys((*_COUNTS, "status"), 1 << 62) | {"seconds": 0.5},
    dict.fromkeys(NAMES, "x") | dict.fromkeys(_COUNTS, 0) | {"seconds": 0.0},
)


def check_form(form: str) -> str:
    """Return a ``--log-format``: ``json``, or text with ``{name}`` parts.  Raises: ValueError."""
    if form == "json":
        return form
    try:
        for _text, name, spec, _how in string.Formatter().parse(form):
            if name is not None and name not in NAMES:
                raise ValueError(f"names {name!r}, and there is {', '.join(NAMES)}")
            if spec and "{" in spec:
                raise ValueError("a part within a part")
        for values in _PROBES:
            form.format_map(values)
    except (ValueError, OverflowError, MemoryError) as error:
        raise ValueError(f"is no form of a line: {error}") from None
    if not form.isprintable():
        raise ValueError("has a control character; a line is one line")
    return form


class AccessLog:
    """Where the lines go.  ``where``: ``-`` the twistd log, ``off``, or a file's path.

    ``hosts_only``: of an address only scheme, host and port are told.  ``form``: of a file's lines, as
    ``check_form`` returns it.  ``soon``, ``rotation``: as `LineFile` has them.  ``service``: whose lines.
    """

    def __init__(
        self,
        where: str,
        *,
        hosts_only: bool = False,
        form: str | None = None,
        soon: Soon | None = None,
        rotation: Rotation = NEVER,
        service: str = "",
    ) -> None:
        self._hosts_only, self._form, self._service = hosts_only, form, service
        self._is_off = where == "off"
        self._file = None if where in ("-", "off") else LineFile(where, soon, rotation)
        self._kinds: dict[bytes, str] = {}
        self._second, self._stamp = 0, ""

    def open(self) -> None:
        """Open the file, or open it again after it was moved away.  Raises: OSError."""
        if self._file is not None:
            self._file.open()

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if self._file is not None:
            self._file.close()

    def request(
        self,
        conn: int,
        client: str,
        head: RequestHead,
        target: Target,
        status: int,
        kind: bytes,
        sent: int,
        seconds: float,
        peer: str,
    ) -> None:
        """A request ended.  ``status`` 0: the client left before there was an answer."""
        if self._is_off:
            return
        method, url = head.method.decode("ascii"), self._url(target)
        shown = self._kinds.get(kind)
        if shown is None:
            shown = self._shown(kind)
        if self._file is None:
            journal.request_done(
                conn=conn,
                client=client,
                method=method,
                url=url,
                status=status,
                kind=shown,
                sent=sent,
                seconds=seconds,
                peer=peer,
                service=self._service,
            )
        elif self._form is None:
            self._file.line(
                f"{self._time()} {client} {conn} {method} {url} "
                f"{status} {shown} {sent} {seconds:.3f} {peer}\n"
            )
        else:
            self._file.line(self._formed(client, conn, method, url, status, shown, sent, 0, seconds, peer))

    def refused(
        self,
        conn: int,
        client: str,
        head: RequestHead | None,
        status: int,
        cause: str,
        reason: str,
        seconds: float = 0.0,
    ) -> None:
        """We answered a request ourselves, or bytes that are none (``head`` None)."""
        method = head.method.decode("ascii") if head is not None else "-"
        url = self._url(head.target) if head is not None and head.target is not None else "-"
        if self._file is None:
            if self._is_off:
                method = url = "-"
            journal.request_refused(
                conn=conn,
                client=client,
                method=method,
                url=url,
                status=status,
                cause=cause,
                reason=reason,
                service=self._service,
            )
        elif self._form is None:
            self._file.line(
                f"{self._time()} {client} {conn} {method} {url} {status} !{cause} 0 {seconds:.3f} -\n"
            )
        else:
            self._file.line(self._formed(client, conn, method, url, status, "!" + cause, 0, 0, seconds, "-"))

    def tunnel(
        self, conn: int, client: str, target: Target, sent: int, received: int, seconds: float, peer: str
    ) -> None:
        """A tunnel ended.  ``sent``: bytes to the target; ``received``: bytes from it."""
        if self._is_off:
            return
        place = f"{target.host.decode('ascii')}:{target.port}"
        if b":" in target.host:
            place = f"[{target.host.decode('ascii')}]:{target.port}"
        if self._file is None:
            journal.tunnel_done(
                conn=conn,
                client=client,
                target=place,
                sent=sent,
                received=received,
                seconds=seconds,
                peer=peer,
                service=self._service,
            )
        elif self._form is None:
            self._file.line(
                f"{self._time()} {client} {conn} CONNECT {place} "
                f"tunnel {received}/{sent} {seconds:.1f} {peer}\n"
            )
        else:
            self._file.line(
                self._formed(client, conn, "CONNECT", place, "tunnel", "-", received, sent, seconds, peer)
            )

    # what a line is made of

    def _url(self, target: Target) -> str:
        if not target.scheme:  # of a tunnel that was refused
            return target.authority.decode("ascii")
        if self._hosts_only:
            return (target.scheme + b"://" + target.authority + b"/").decode("ascii")
        return journal.url_text(target.scheme, target.authority, target.path)

    def _shown(self, kind: bytes) -> str:
        shown = journal.escaped(kind.partition(b";")[0].strip()[:80]).replace(" ", "") or "-"
        if len(self._kinds) >= _KINDS_MAX:
            self._kinds.clear()
        if len(kind) <= _KIND_BYTES:
            self._kinds[kind] = shown
        return shown

    def _time(self) -> str:
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        return self._stamp

    def _formed(self, *told: Any) -> str:
        values = dict(zip(NAMES, (self._time(), *told), strict=True))
        if self._form == "json" or self._form is None:
            return json.dumps(values) + "\n"
        return self._form.format_map(values) + "\n"

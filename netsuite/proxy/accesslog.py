"""A line for each request and tunnel as it ends: to the twistd log, a file or nowhere (``--access-log``)."""

from __future__ import annotations

import os
import time
from typing import Any, TextIO

from netsuite import journal
from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target

#: Mode of a log file: the group may read it, others not.
MODE = 0o640


class AccessLog:
    """Where the lines go.  ``where``: ``-`` the twistd log, ``off``, or a file's path."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._file: TextIO | None = None

    def open(self) -> None:
        """Open the file, or open it again after it was moved away.  Raises: OSError."""
        if self._where in ("-", "off"):
            return
        self.close()
        fd = os.open(self._where, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        self._file = os.fdopen(fd, "a", buffering=1, encoding="utf-8")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def request(
        self,
        *,
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
        if self._where == "off":
            return
        method = journal.escaped(head.method)
        url = journal.url_text(target.scheme, target.authority, target.path)
        shown = journal.escaped(kind.partition(b";")[0].strip()[:80]) or "-"
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
            )
        else:
            self._line(f"{client} {conn} {method} {url} {status} {shown} {sent} {seconds:.3f} {peer}")

    def tunnel(self, **told: Any) -> None:
        """A tunnel ended; ``told`` as for ``journal.tunnel_done``."""
        if self._file is not None:
            self._line(
                "{client} {conn} CONNECT {target} tunnel {received}/{sent} {seconds:.1f} {peer}".format(
                    **told
                )
            )
        elif self._where != "off":
            journal.tunnel_done(**told)

    def _line(self, text: str) -> None:
        if self._file is not None:
            self._file.write(time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime()) + text + "\n")

"""twistd's own log, where it is a file: one of ours, which may be rotated in any way, and has mode 0640.

twistd asks for an observer by its ``logger`` option; we name ours there before it looks.  Its own file would
be put aside at every megabyte, never deleted, be full of zeros after a ``copytruncate``, and belong to root
after privileges are dropped.  To standard output we write what Twisted would (`textlines`), but for
``--log-json``, and for the systemd journal (`journald`).  What is logged to syslog stays twistd's.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from twisted.logger import ILogObserver

from netsuite import journald
from netsuite.aside import NEVER, Rotation
from netsuite.journal import JsonLines
from netsuite.linefile import LineFile
from netsuite.textlines import TextLines

#: What twistd is told to log by.
OBSERVER = "netsuite.twistdlog.observer"

#: twistd's name for its log where none is given in the background.
DEFAULT_NAME = "twistd.log"


class TwistdLog:
    """A log file as Twisted's observers write to one, from any thread."""

    def __init__(self, path: str, rotation: Rotation) -> None:
        self._file = LineFile(path, rotation=rotation)
        self._lock = threading.RLock()
        self._file.open()

    def write(self, text: str) -> None:
        """An event's text is in the file."""
        with self._lock:
            self._file.line(text)

    def flush(self) -> None:
        """It is there already."""

    def reopen(self) -> None:
        """The file was moved: open it anew.  Raises: OSError; then the one that is open stays."""
        with self._lock:
            self._file.open()


@dataclass(slots=True)
class _Chosen:
    """How twistd is to log.  ``path``: "" for standard output."""

    path: str = ""
    is_json: bool = False
    rotation: Rotation = NEVER
    log: TwistdLog | None = None


_chosen = _Chosen()


def path_of(twistd: MutableMapping[str, Any]) -> str:
    """Return where twistd's log file is; "" if it logs elsewhere."""
    name = twistd.get("logfile")
    if twistd.get("syslog") or name == "-" or "nodaemon" not in twistd:  # the last: twist, not twistd
        return ""
    if not name:
        return "" if twistd["nodaemon"] or twistd.get("debug") else os.path.abspath(DEFAULT_NAME)
    return os.path.abspath(str(name))


def choose(twistd: MutableMapping[str, Any], *, is_json: bool, rotation: Rotation) -> None:
    """twistd will log as it is told, to a file of ours or as JSON; not where its user named a logger."""
    _chosen.is_json = _chosen.is_json or is_json
    _chosen.path, _chosen.rotation = path_of(twistd), rotation
    named = twistd.get("logger")
    is_stdout = bool(twistd.get("nodaemon")) and not twistd.get("syslog")
    if is_json or (named in (None, OBSERVER) and (_chosen.path or is_stdout)):
        twistd["logger"] = OBSERVER


def observer() -> ILogObserver:
    """Return what twistd logs by; or say in a line why it can't, and end with 1."""
    stream: Any = sys.stdout
    if _chosen.path:
        try:
            stream = _chosen.log = TwistdLog(_chosen.path, _chosen.rotation)
        except OSError as error:
            sys.stderr.write(f"netsuite: the log {_chosen.path}: {error.strerror}; give another --logfile\n")
            raise SystemExit(1) from None
        return JsonLines(stream) if _chosen.is_json else TextLines(stream)
    return journald.observer(stream, is_json=_chosen.is_json)


def reopen() -> None:
    """Our file, if twistd logs to one, is opened anew.  Raises: OSError; then the one that is open stays."""
    if _chosen.log is not None:
        _chosen.log.reopen()

"""Our log as the systemd journal wants it from a standard output: each line with its level before it.

systemd reads ``<4>text`` as a warning and shows ``text`` (sd-daemon(3), SyslogLevelPrefix=).  Whether our
standard output is the journal, and no pipe or file that somebody put there, is said by ``JOURNAL_STREAM``:
the device and inode that it had (systemd.exec(5)).
"""

from __future__ import annotations

import os
from typing import IO, Any, cast

from twisted.logger import FileLogObserver, ILogObserver, LogLevel
from zope.interface import implementer

from netsuite.journal import JsonLines, LogSink
from netsuite.textlines import TextLines, text_of

#: Of each level, its number (syslog(3)).
LEVELS = {
    LogLevel.debug: 7,
    LogLevel.info: 6,
    LogLevel.warn: 4,
    LogLevel.error: 3,
    LogLevel.critical: 2,
}


def is_there(fd: int = 1) -> bool:
    """Return whether what is written to ``fd`` goes to the journal."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not (device.isdecimal() and inode.isdecimal()):
        return False
    try:
        state = os.fstat(fd)
    except OSError:
        return False
    return (state.st_dev, state.st_ino) == (int(device), int(inode))


def observer(stream: Any, *, is_json: bool) -> ILogObserver:
    """Return what logs to standard output, ``stream``: with levels before lines, if that is the journal."""
    if is_there():
        return Levelled(stream, is_json=is_json)
    return JsonLines(stream) if is_json else TextLines(stream)


@implementer(ILogObserver)
class Levelled:
    """Writes events, each of their lines with the event's level; of text the journal has the time."""

    def __init__(self, stream: LogSink, *, is_json: bool) -> None:
        self._stream, self._level = stream, ""
        self._form: Any = JsonLines(self) if is_json else FileLogObserver(cast("IO[str]", self), _text)

    def __call__(self, event: Any) -> None:
        self._level = f"<{LEVELS.get(event.get('log_level'), 6)}>"
        self._form(event)

    def write(self, text: str) -> None:
        """Write an event's text: a traceback has many lines, and they belong together by their level."""
        lines = text.rstrip().split("\n")
        self._stream.write("".join(f"{self._level}{line}\n" for line in lines))

    def flush(self) -> None:
        """All is where it belongs."""
        self._stream.flush()


def _text(event: Any) -> str | None:
    text = text_of(event, "")
    return text.lstrip(" ") if text is not None else None

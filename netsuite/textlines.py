"""Our log as lines of text: what Twisted's text observer writes, in a fifth of its time.

Twisted reads a format's fields one by one and asks for the time zone at each event; a busy proxy logs a line
or two for each page.  Our own formats hold plain names only, and the time is written once a second.  Events
of others, and those with a failure, go Twisted's way.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.logger import ILogObserver, formatEventAsClassicLogText, formatTime
from zope.interface import implementer

from netsuite.journal import LogSink


def text_of(event: Any, stamp: str) -> str | None:
    """Return the lines of an event, ``stamp`` before the first; None for one that has no text."""
    if event.get("log_namespace") == "netsuite" and "log_failure" not in event:
        with suppress(Exception):  # Twisted says in the event's place what is wrong with it
            told = event["log_format"].format_map(event).replace("\n", "\n\t")
            return f"{stamp} [{event['log_system']}] {told}\n"
    return formatEventAsClassicLogText(event, formatTime=lambda when: stamp)


@implementer(ILogObserver)
class TextLines:
    """Writes an event as ``time [system] text``."""

    def __init__(self, stream: LogSink) -> None:
        self._stream = stream
        self._second: int | None = None
        self._stamp = ""

    def __call__(self, event: Any) -> None:
        when = event.get("log_time")
        second = None if when is None else int(when)
        if second != self._second or second is None:
            self._second, self._stamp = second, formatTime(when)
        text = text_of(event, self._stamp)
        if text:
            self._stream.write(text)
            self._stream.flush()

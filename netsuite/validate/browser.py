"""A report opened by the platform's browser, as the standard library finds it (``BROWSER`` first).

The page lies in our cache folder, always under one name: what a browser reads later must outlive the tool,
and reports don't gather.
"""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.threads import deferToThreadPool

from netsuite import durable

#: Name of the page's file.
FILE = "validate-report.html"

#: Seconds that a browser gets to start; one in the terminal may take for ever, and we don't wait.
SECONDS = 20.0


async def show(reactor: Any, page: bytes, folder: str | None, note: Callable[[str], None]) -> None:
    """The page is on the disk and a browser was asked to open it; else ``note`` says where the page is."""
    if folder is None:
        note("there is no home folder to put the report in, so no browser was opened")
        return
    os.makedirs(folder, 0o700, exist_ok=True)
    path = os.path.join(folder, FILE)
    durable.write(path, page, replace=True)
    opening = deferToThreadPool(reactor, reactor.getThreadPool(), webbrowser.open, Path(path).as_uri())
    try:
        opened = await opening.addTimeout(SECONDS, reactor)
    except (TooLate, webbrowser.Error, OSError):
        opened = True
    if not opened:
        note(f"no browser could be started; the report is {path}")

"""Where an error was raised, for people to look there; nothing of its text, which may quote a page."""

from __future__ import annotations

import os
from types import TracebackType


def place(error: BaseException) -> str:
    """The kind of an error and where it was raised; not its text, which may quote a page."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return (
        f"{type(error).__name__} at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
    )

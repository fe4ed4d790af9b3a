"""Ctrl-C and SIGTERM while a tool's modules are still imported: one line, and the table's exit status.

Each tool imports this before all else.  It does something only in a process that is the tool: whoever imports
a tool's module for other reasons keeps its signals.  ``running`` takes over once there is work.  It imports
only what is there already when Python has started.
"""

from __future__ import annotations

import os
import signal
import sys

#: Exit statuses of the table (R5), which is not imported yet.
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def tool_of(program: str) -> str | None:
    """Return the name of the tool that a program is, None if it is none."""
    name = os.path.splitext(os.path.basename(program))[0]
    module = os.path.join(os.path.dirname(__file__), f"{name.replace('-', '_')}.py")
    return name.replace("_", "-") if os.path.isfile(module) else None


def _end(number: int, _frame: object) -> None:
    line = f"{tool_of(sys.argv[0])}: interrupted before the work was done\n"
    try:
        os.write(2, line.encode())
    finally:
        os._exit(_CODES[signal.Signals(number)])


def watch() -> bool:
    """From now on signals end the process in good order; return whether it is a tool's."""
    is_tool = tool_of(sys.argv[0]) is not None
    if is_tool and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        for number in _CODES:
            signal.signal(number, _end)
    return is_tool


watched = watch()

"""The counting add-on as mitmdump loads it: ``mitmdump -s``."""

from __future__ import annotations

from typing import Any

from bench.addon import FLUSH, Counting

_counting = Counting()


def response(flow: Any) -> None:
    """An answer came whole; its raw body is counted."""
    if flow.request.path == FLUSH:
        _counting.write()
    elif flow.response.status_code == 200 and flow.response.raw_content:
        head = flow.response.headers
        _counting.page(
            head.get("content-type", ""), head.get("content-encoding", ""), flow.response.raw_content
        )

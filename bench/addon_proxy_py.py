"""The counting add-on as a plugin of proxy.py: answers are parsed beside the bytes that pass."""

from __future__ import annotations

from typing import Any

from proxy.http.parser import HttpParser, httpParserTypes
from proxy.http.proxy import HttpProxyBasePlugin

from bench.addon import FLUSH, Counting

_counting = Counting()


class CountingPlugin(HttpProxyBasePlugin):  # type: ignore[misc]
    """One client's connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answer = HttpParser(httpParserTypes.RESPONSE_PARSER)

    def before_upstream_connection(self, request: Any) -> Any:
        """The connection's first request."""
        self._flush(request)
        return request

    def handle_client_request(self, request: Any) -> Any:
        """Each request."""
        self._flush(request)
        return request

    def _flush(self, request: Any) -> None:
        if request.path == FLUSH.encode():
            _counting.write()

    def handle_upstream_chunk(self, chunk: Any) -> Any:
        """Bytes of the answer pass; it is counted once it is whole."""
        self._answer.parse(chunk)
        if self._answer.is_complete:
            answer, self._answer = self._answer, HttpParser(httpParserTypes.RESPONSE_PARSER)
            if answer.code == b"200" and answer.body:
                kind, coding = (
                    (answer.header(name).decode() if answer.has_header(name) else "")
                    for name in (b"content-type", b"content-encoding")
                )
                _counting.page(kind, coding, answer.body)
        return chunk

"""The one fault of this room: bytes that are no message we accept."""


class BadMessage(Exception):  # noqa: N818  # it names the message, not a mistake of ours
    """The peer's bytes are no message we accept: answer ``status`` (an origin's: 502).

    ``reason`` is one clause of our own words: it holds nothing that the peer sent, so it may be shown and
    logged.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"

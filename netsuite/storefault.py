"""What a store says when it can't do its work: for who keeps one, and for who only asks one."""

from __future__ import annotations


class StoreFault(Exception):  # noqa: N818 - a state, told to people
    """The store can't do what was asked; the text is one line: what, where, how to mend it.

    ``is_full``: there is no room.
    """

    def __init__(self, text: str = "", *, is_full: bool = False) -> None:
        super().__init__(text)
        self.is_full = is_full

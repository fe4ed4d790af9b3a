"""The closed list of why a page was not counted, each with its sentence."""

import enum
from collections.abc import Mapping
from types import MappingProxyType


class Reason(enum.StrEnum):
    """Why an answer's words were not counted.  The value is what store, report and API call it."""

    NOT_MODIFIED = "not modified"
    NO_STORE = "no-store"
    NOT_TEXT = "not text"
    STATUS = "status"
    PARTIAL = "partial"
    ATTACHMENT = "attachment"
    AUTHORIZATION = "authorization"
    PASSWORD_PAGE = "password page"  # noqa: S105  # names a kind of page, holds no secret
    IGNORED_HOST = "ignored host"
    UNKNOWN_CODING = "unknown coding"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    CUT_SHORT = "cut short"
    UNREADABLE = "unreadable"
    BUSY = "busy"
    CRASHED = "crashed"
    LOST = "lost"


#: A sentence for each, for the report and the log.
SENTENCES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NOT_MODIFIED: "The browser had the page already (304), so there was no text to read.",
        Reason.NO_STORE: "The site forbids keeping anything of this page (Cache-Control: no-store).",
        Reason.NOT_TEXT: "It was neither HTML nor plain text.",
        Reason.STATUS: "It was not the answer 200 to a GET or POST.",
        Reason.PARTIAL: "Only a part of the document was asked for (206).",
        Reason.ATTACHMENT: "It was sent as a file to save, not as a page to read.",
        Reason.AUTHORIZATION: "The request carried credentials, so the page may be private.",
        Reason.PASSWORD_PAGE: "It has a password field, and such pages are never kept.",
        Reason.IGNORED_HOST: "Its host is one that is not to be counted.",
        Reason.UNKNOWN_CODING: "It was compressed in a way that can't be undone here.",
        Reason.TOO_LARGE: "It is larger than the bound for one page.",
        Reason.TOO_SLOW: "Counting it took longer than one page may take.",
        Reason.CUT_SHORT: "The connection ended before the page was whole.",
        Reason.UNREADABLE: "Its bytes are damaged or in an encoding that can't be read.",
        Reason.BUSY: "Too many pages were waiting to be counted.",
        Reason.CRASHED: "The counter ended while it had this page.",
        Reason.LOST: "It was counted, but netsuite was killed before that was written.",
    }
)


class Skip(Exception):  # noqa: N818  # an outcome of counting, not a mistake
    """This page can't be counted, and ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.reason)

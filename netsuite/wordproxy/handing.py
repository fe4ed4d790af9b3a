"""What a counter is told, as bytes of the pipe: how to count, each page, each note."""

from __future__ import annotations

from dataclasses import dataclass

from netsuite.wordproxy.ledger import CopiedPage, Entry
from netsuite.wordproxy.pipe import Begin, Job, Mark, frame, job_frame


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Where counts go and how much counting may cost; bytes and seconds."""

    store: str  #: a file's path or ``:memory:``
    max_text: int = 8 * 1024 * 1024
    max_ratio: int = 200
    page_seconds: float = 10.0
    counter_memory: int = 1024 * 1024 * 1024
    waiting_bytes: int = 64 * 1024 * 1024
    waiting_pages: int = 10_000
    default_lang: str = "und"
    nice: int = 10
    drain_seconds: float = 5.0
    batch_seconds: float = 1.0
    spool: str = ""  #: folder for batches that the store can't take; "": none
    spool_name: str = ""  #: the store's address without its password
    spool_bytes: int = 0
    keep_days: int = 36_500


def begin(node: str, settings: FeedSettings) -> bytes:
    """The bytes of how to count."""
    told = Begin(
        node,
        settings.store,
        settings.max_text,
        settings.max_ratio,
        settings.default_lang,
        settings.counter_memory,
        settings.nice,
        settings.page_seconds,
        batch_seconds=settings.batch_seconds,
        spool=settings.spool,
        spool_name=settings.spool_name,
        spool_bytes=settings.spool_bytes,
        keep_seconds=max(1, settings.keep_days) * 86_400.0,
    )
    return frame(told)


def frames(entry: Entry, *, is_hurried: bool) -> list[bytes]:
    """The bytes of a page or note; ``is_hurried``: others wait."""
    page, note = entry.page, entry.note
    if note is not None:
        return [frame(Mark(note, entry.profile))]
    return [] if page is None else page_frames(entry.sequence, page, is_hurried=is_hurried)


def page_frames(sequence: int, page: CopiedPage, *, is_hurried: bool = False) -> list[bytes]:
    """The bytes of a page under its number."""
    job = Job(
        sequence,
        page.digest,
        page.host,
        page.url,
        page.day,
        page.when,
        page.media_type,
        page.charset,
        page.content_encoding,
        page.content_language,
        page.title,
        page.lang,
        page.source,
        is_hurried,
        page.profile,
    )
    return job_frame(job, page.pieces, page.size)

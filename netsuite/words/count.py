"""A page's words and how often each occurs, remembered where that saves work.

Theory.  Work is done for all of a page's words by loops in C, and in Python only for what is not plain; of
that the words are remembered (`memo`).  A page that comes again byte for byte, headers equal, gets the answer
it got before, without being decoded.  No memory changes a count: what is remembered is a value of the piece,
or of head and bytes, alone.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from . import charset, coding, language
from .forms import Forms
from .lexicon import Lexicon
from .memo import Memo
from .skipped import Reason, Skip
from .text import Document, WordParser

#: Decoded bytes of a page.
MAX_TEXT = 8 * 1024 * 1024

#: Answers remembered, in pages and in their words together.
PAGES_MAX = 256
FORMS_MAX = 200_000

#: Characters lost to a wrong label (U+FFFD) that are no reason to skip a page, and how many letters must be
#: left to one: accents are fewer, all of another alphabet are more.
LOST_MAX = 32
LETTERS_MIN = 2

_HTML = "text/html"
_XHTML = "application/xhtml+xml"
_PLAIN = "text/plain"

#: The media types that are counted.
COUNTED = frozenset((_HTML, _XHTML, _PLAIN))


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer's head says of its body, as far as counting wants it.

    ``media_type`` is lower-case and bare, ``charset`` its parameter; the other two are whole field values,
    "" and None if absent.
    """

    media_type: str
    charset: str | None
    content_encoding: str
    content_language: str | None


@dataclass(frozen=True, slots=True)
class PageWords:
    """A counted page.  It may be handed out again: not to be changed."""

    lang: str
    title: str
    forms: Forms


class WordCounter:
    """Counts pages, one after the other.  Owns the memories, whose bounds hold for its whole life."""

    __slots__ = (
        "_default_lang",
        "_lexicon",
        "_max_ratio",
        "_max_text",
        "_memo",
        "_pages",
        "_pages_forms",
        "_parser",
        "_stops",
    )

    def __init__(self, *, max_text: int = MAX_TEXT, max_ratio: int = 200, default_lang: str = "und") -> None:
        self._max_text = max_text
        self._max_ratio = max_ratio
        self._default_lang = default_lang
        self._parser = WordParser()
        self.forget()

    def forget(self) -> None:
        """Drop all that is remembered of pages seen."""
        self._memo = Memo()
        self._begin()

    def _begin(self) -> None:
        """A new lexicon; pages that are remembered would keep the old one in memory."""
        self._lexicon = Lexicon()
        self._stops = language.Stops(self._lexicon)
        self._pages: OrderedDict[tuple[Source, bytes], PageWords] = OrderedDict()
        self._pages_forms = 0

    def count(self, source: Source, pieces: Sequence[bytes]) -> PageWords:
        """Return the words of a body given as it was relayed.

        Raises: `Skip`; MemoryError where the process has a limit, as markup can grow five hundredfold in the
        tree.  After that, or an exception from a signal, it may be used on: memories hold whole values only.
        """
        return self.read(source, pieces)[0]

    def read(self, source: Source, pieces: Sequence[bytes]) -> tuple[PageWords, str]:
        """Return the words of a body and its main text, for `sentences`: "" for a page that is remembered.

        Raises: as `count`.
        """
        if source.media_type not in COUNTED:
            raise Skip(Reason.NOT_TEXT)
        digest = _digest(source, pieces)
        found = self._pages.get(digest)
        if found is not None:
            self._pages.move_to_end(digest)
            return found, ""
        document = self._document(source, pieces)
        if document.has_password:
            raise Skip(Reason.PASSWORD_PAGE)
        if _is_lost(document.main, document.other):
            raise Skip(Reason.UNREADABLE)
        forms = self._forms(document)
        found = PageWords(lang=self._lang(document, source, forms), title=document.title, forms=forms)
        self._remember(digest, found)
        return found, document.main

    def _forms(self, document: Document) -> Forms:
        if self._lexicon.is_full:
            self._begin()
        return self._lexicon.count(document.main, document.other, self._memo.tally)

    def _lang(self, document: Document, source: Source, forms: Forms) -> str:
        text = document.main.lstrip() or document.other
        return language.of(
            document.lang,
            source.content_language,
            text,
            self._default_lang,
            words=lambda: self._stops.heard(forms),
        )

    def _document(self, source: Source, pieces: Sequence[bytes]) -> Document:
        body = coding.decode(
            pieces, source.content_encoding, max_bytes=self._max_text, max_ratio=self._max_ratio
        )
        plain = source.media_type == _PLAIN
        text = charset.decode(body, source.charset, markup=not plain)
        if plain:
            return self._parser.plain(text)
        return self._parser.xhtml(text) if source.media_type == _XHTML else self._parser.html(text)

    def _remember(self, digest: tuple[Source, bytes], found: PageWords) -> None:
        self._pages[digest] = found
        self._pages_forms += len(found.forms)
        while len(self._pages) > PAGES_MAX or self._pages_forms > FORMS_MAX:
            _, dropped = self._pages.popitem(last=False)
            self._pages_forms -= len(dropped.forms)


def _is_lost(*texts: str) -> bool:
    """Is hardly a letter left of what an encoding's wrong name made of a page's texts?"""
    lost = sum(text.count("\ufffd") for text in texts)
    return lost > LOST_MAX and sum(map(str.isalpha, chain(*texts))) < lost * LETTERS_MIN


def _digest(source: Source, pieces: Sequence[bytes]) -> tuple[Source, bytes]:
    """Return what two answers share only if their heads and bodies are equal."""
    digest = hashlib.sha256(usedforsecurity=False)  # processors of today have it built in
    for piece in pieces:
        digest.update(piece)
    return source, digest.digest()

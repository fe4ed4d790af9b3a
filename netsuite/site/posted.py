"""From the body of a post to its fields, in their order and each value kept, and its files.

Both forms that browsers make are read: ``application/x-www-form-urlencoded`` (URL Standard §5.1) and
``multipart/form-data`` (RFC 7578; HTML Standard §4.10.22.7).  Text is UTF-8 unless the post says another
encoding, by a ``_charset_`` field or the type's parameter; bytes that are wrong in it are kept visibly, as
``\\xff``.  Line ends become LF, NUL becomes U+FFFD.  All that is counted is bounded, and what is no form is
refused with a sentence; a bad ``%`` is left as it stands, as the URL Standard has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import webencodings
from multipart import MultipartError, ParserLimitReached, PushMultipartParser, parse_options_header

from netsuite.site.answer import FORM, Refusal, Upload
from netsuite.site.tongue import said

MULTIPART = "multipart/form-data"

#: Names and values, in their order.
Fields = tuple[tuple[str, str], ...]

#: What can be posted.
KINDS = (FORM, MULTIPART)

#: Longest name of a field or file, in characters, and longest multipart boundary (RFC 2046 §5.1.1 has 70).
NAME_MAX = 200
BOUNDARY_MAX = 200

#: Longest line of a part's head, and lines of one (RFC 7578 allows three).
LINE_MAX, LINES_MAX = 4096, 8

#: The field in which a browser says what it encoded the others in (HTML Standard §4.10.22.4).
CHARSET = "_charset_"

#: Encodings whose bytes below 128 aren't ASCII: no form comes in one.
_WIDE = ("utf-16le", "utf-16be", "replacement", "x-user-defined")


@dataclass(frozen=True, slots=True)
class Posted:
    """What came.  A file field in which no file was chosen is a field with an empty value."""

    fields: Fields = ()
    uploads: tuple[Upload, ...] = ()

    def first(self, name: str) -> str:
        """The first value of a field, "" if there is none."""
        return next((value for own, value in self.fields if own == name), "")

    def without(self, names: frozenset[str]) -> Fields:
        """The fields but those of some names."""
        return tuple(pair for pair in self.fields if pair[0] not in names)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one post may hold.  ``text``: bytes of all values; ``files``: how many, 0 for none."""

    fields: int = 200
    text: int = 262144
    files: int = 0


def read(kind: str, body: bytes, bounds: Bounds) -> Posted:
    """What a body holds.  ``kind``: its Content-Type.  Raises: Refusal 400, 413."""
    media, options = parse_options_header(kind[:1000])
    if media == MULTIPART:
        return _read_multipart(body, str(options.get("boundary", "")), options.get("charset", ""), bounds)
    if len(body) > bounds.text:
        raise Refusal(413, said("form.too_long", n=bounds.text))
    return Posted(read_query(body, bounds, str(options.get("charset", ""))))


def read_query(text: bytes, bounds: Bounds, label: str = "") -> Fields:
    """The fields of a urlencoded body.  Raises: Refusal."""
    if text.count(b"&") >= bounds.fields:
        raise _too_many(bounds)
    return _decoded([_split(pair) for pair in text.split(b"&") if pair], label)


def decoded_pairs(args: tuple[tuple[str, str], ...], bounds: Bounds) -> Fields:
    """The fields of a query that was read already, within the same bounds.  Raises: Refusal."""
    if len(args) > bounds.fields:
        raise _too_many(bounds)
    return _decoded([(name.encode(), value.encode()) for name, value in args if name != CHARSET], "")


def _split(pair: bytes) -> tuple[bytes, bytes]:
    name, _, value = pair.partition(b"=")
    return unquote_to_bytes(name.replace(b"+", b" ")), unquote_to_bytes(value.replace(b"+", b" "))


@dataclass(slots=True)
class _Part:
    """A part of a multipart body; its texts are bytes as latin-1 shows them."""

    name: str
    file: str | None
    kind: str
    content: bytes


def _read_multipart(body: bytes, boundary: str, label: str, bounds: Bounds) -> Posted:
    if not boundary or len(boundary) > BOUNDARY_MAX or not boundary.isascii():
        raise Refusal(400, said("form.no_boundary"))
    try:
        parts = list(_parts(body, boundary, bounds))
    except ParserLimitReached:
        raise _too_many(bounds) from None
    except (MultipartError, ValueError):
        raise Refusal(400, said("form.bad_multipart")) from None
    texts = [part for part in parts if part.file is None or not (part.file or part.content)]
    if sum(len(part.content) for part in texts) > bounds.text:
        raise Refusal(413, said("form.too_long", n=bounds.text))
    files = [part for part in parts if part.file or (part.file is not None and part.content)]
    if len(files) > bounds.files:
        raise Refusal(422, said("form.no_files" if not bounds.files else "form.many_files", n=bounds.files))
    pairs = [(part.name.encode("latin-1"), part.content) for part in texts]
    encoding = _encoding(pairs, label)
    uploads = tuple(
        Upload(
            _named(_text(part.name.encode("latin-1"), encoding)),
            _named(_text((part.file or "").encode("latin-1"), encoding)),
            part.kind[:NAME_MAX],
            part.content,
        )
        for part in files
    )
    return Posted(_decoded(pairs, label), uploads)


def _parts(body: bytes, boundary: str, bounds: Bounds) -> Iterator[_Part]:
    with PushMultipartParser(
        boundary,
        max_header_size=LINE_MAX,
        max_header_count=LINES_MAX,
        max_segment_count=bounds.fields + bounds.files,
        header_charset="latin-1",
        strict=True,
    ) as parser:
        head, pieces = None, list[bytes]()
        for event in parser.parse(body):
            if event is None and head is not None:
                yield _Part(head.name, head.filename, head.content_type or "", b"".join(pieces))
                head, pieces = None, []
            elif isinstance(event, (bytes, bytearray)):
                pieces.append(bytes(event))
            else:
                head = event


def _decoded(pairs: list[tuple[bytes, bytes]], label: str) -> Fields:
    encoding = _encoding(pairs, label)
    return tuple((_named(_text(name, encoding)), _text(value, encoding)) for name, value in pairs)


def _encoding(pairs: list[tuple[bytes, bytes]], label: str) -> webencodings.Encoding:
    """The encoding that a post says, UTF-8 if it says none that could be."""
    said_so = next((value for name, value in pairs if name == CHARSET.encode()), b"").decode("latin-1")
    for text in (said_so, label):
        found = webencodings.lookup(text[:50]) if text else None
        if found is not None and found.name not in _WIDE:
            return found
    return webencodings.UTF8


def _text(data: bytes, encoding: webencodings.Encoding) -> str:
    try:
        text = str(encoding.codec_info.decode(data, "strict")[0])
    except UnicodeDecodeError:
        text = data.decode("utf-8", "backslashreplace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _named(name: str) -> str:
    if len(name) > NAME_MAX:
        raise Refusal(400, said("form.long_name", n=NAME_MAX))
    return name


def _too_many(bounds: Bounds) -> Refusal:
    return Refusal(413, said("form.many_fields", n=bounds.fields))

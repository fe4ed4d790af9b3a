"""How much of a message we hold before we must understand it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one message; bodies have none, as they are never held."""

    #: Start line and fields, in bytes.  Servers often allow 8 to 16 KiB; cookies outgrow it.
    head_bytes: int = 64 * 1024
    #: Field lines of a head, and again of a trailer section.
    fields: int = 100
    #: The request target; RFC 9110 §4.1 asks for 8000 at least.
    target_bytes: int = 16 * 1024
    #: One chunk-size line with its extensions, CRLF included.  Signed uploads need about 100.
    chunk_line_bytes: int = 256
    #: A trailer section, the final empty line included.
    trailer_bytes: int = 8 * 1024


DEFAULT = Limits()

"""How long a body is and what becomes of the connection: the fields that decide it (RFC 9112 §6, §9).

Each is read from the combined value of its lines, so that a repeated line is one more way of being malformed:
``5`` twice is ``5, 5``, which is no number.  RFC 9110 §8.6 would let us take equal lengths for one; readers
do not agree on that, an honest sender has no need of it, and so it is refused in requests and answers alike.
"""

import re

from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import ESSENTIAL, split_list
from netsuite.http1.grammar import TOKEN

Options = frozenset[bytes]

NO_OPTIONS: Options = frozenset()
CLOSE: Options = frozenset((b"close",))
KEEP_ALIVE: Options = frozenset((b"keep-alive",))
_USUAL = {b"keep-alive": KEEP_ALIVE, b"Keep-Alive": KEEP_ALIVE, b"close": CLOSE, b"Close": CLOSE}

#: 19 digits hold every length below 2**63.
_LENGTH_DIGITS = 19
_TOKEN = re.compile(TOKEN)
_PROTOCOLS = re.compile(rb"%b(?:/%b)?(?:[ \t]*+,[ \t]*+%b(?:/%b)?)*" % ((TOKEN,) * 4))
#: Codings that exist and that we could not undo: 501 says so, where 400 would be untrue (RFC 9112 §6.1).
_OTHER_CODINGS = frozenset((b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"))


def body_framing(table: dict[bytes, bytes], lines: bytes, minor: bytes) -> tuple[int | None, bool]:
    """Content-Length, if any, and whether the body is chunked.  Raises: BadMessage 400 or 501.

    ``lines``: the head they stand in.  Source: RFC 9112 §6.1 to §6.3.
    """
    length = table.get(b"content-length")
    coding = table.get(b"transfer-encoding")
    if b"\t" in lines and _TAB.search(lines):
        raise BadMessage(400, "a tab beside Content-Length or Transfer-Encoding")
    if coding is None:
        return None if length is None else _length(length), False
    if length is not None:
        raise BadMessage(400, "both Content-Length and Transfer-Encoding")
    if minor == b"0":
        raise BadMessage(400, "Transfer-Encoding in HTTP/1.0")
    if coding.lower() != b"chunked":
        raise BadMessage(*_coding_fault(coding))
    return None, True


#: Optional white space may be a tab, yet some readers strip spaces only and see another value.
_TAB = re.compile(rb"\r\n(?i:content-length|transfer-encoding):[^\r\t]*+\t")


def _length(value: bytes) -> int:
    if not value.isdigit():
        raise BadMessage(
            400, "more than one Content-Length" if b"," in value else "Content-Length is no number"
        )
    if len(value) > _LENGTH_DIGITS:
        raise BadMessage(400, "Content-Length has too many digits")
    return int(value)


def _coding_fault(value: bytes) -> tuple[int, str]:
    """Status and reason for a Transfer-Encoding that is not just ``chunked``."""
    codings = split_list(value)
    if codings[-1:] == [b"chunked"] and codings[1:] and _OTHER_CODINGS.issuperset(codings[:-1]):
        return 501, "a transfer coding other than chunked"
    return 400, "a Transfer-Encoding that is not chunked"


def connection_options(value: bytes) -> Options:
    """The options of Connection, in lower case.  Raises: BadMessage 400.  Source: RFC 9110 §7.6.1."""
    usual = _USUAL.get(value)
    if usual is not None:
        return usual
    options = frozenset(split_list(value))
    if not all(map(_TOKEN.fullmatch, options)):
        raise BadMessage(400, "a connection option that is no token")
    if options & ESSENTIAL:
        raise BadMessage(400, "Connection names a field that routes or frames the message")
    return options


def upgrade(value: bytes, connection: Options, minor: bytes) -> bytes | None:
    """The protocols that Upgrade's ``value`` offers, None unless Connection and the version allow it.

    Raises: BadMessage 400.  Source: RFC 9110 §7.8.
    """
    if not _PROTOCOLS.fullmatch(value):
        raise BadMessage(400, "a malformed Upgrade")
    return value if b"upgrade" in connection and minor == b"1" else None

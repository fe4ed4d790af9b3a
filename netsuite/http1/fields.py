"""Field lines as an ordered list, and which of them may travel past us.

A dict would lose duplicates, and duplicates are how messages are smuggled.
"""

import re
from collections.abc import Container, Iterable

Fields = list[tuple[bytes, bytes]]  #: order and case as received, values without white space around them

#: What concerns one connection only (RFC 9110 §7.6.1).  Trailer is not of them: it announces what we pass on.
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"))

#: Fields that Connection cannot take away: without them the next reader routes or frames the message
#: otherwise than we did.  A head that asks for it is refused; ``end_to_end`` would keep them all the same.
ESSENTIAL = frozenset((b"host", b"content-length"))

_NAMES_NOTHING = frozenset((b"keep-alive", b"Keep-Alive", b"close", b"Close"))

_QUOTED_MEMBER = re.compile(rb'(?:"(?:[^"\\]++|\\.?)*(?:"|\Z)|[^",]++)+', re.DOTALL)


def values(fields: Fields, name: bytes) -> list[bytes]:
    """The value of each line called ``name`` (in lower case), in order."""
    size = len(name)
    return [value for key, value in fields if len(key) == size and key.lower() == name]


def members(fields: Fields, name: bytes) -> list[bytes]:
    """The members of the list-valued field ``name``, over all its lines, in lower case, empty ones left out.

    A comma in a quoted string parts nothing.  Source: RFC 9110 §5.6.1.
    """
    found = []
    for value in values(fields, name):
        found += split_list(value)
    return found


def split_list(value: bytes) -> list[bytes]:
    """The members of one list value, in lower case."""
    parts: Iterable[bytes] = _QUOTED_MEMBER.findall(value) if b'"' in value else value.split(b",")
    return [member for part in parts if (member := part.strip(b" \t").lower())]


def combined(fields: Fields) -> dict[bytes, bytes]:
    """Each field's value under its lower-case name, repeated lines joined by a comma (RFC 9110 §5.3).

    Set-Cookie is the exception that the RFC names: read it with ``values``.
    """
    table = {name.lower(): value for name, value in fields}
    if len(table) == len(fields):
        return table
    table.clear()
    for name, value in fields:
        key = name.lower()
        table[key] = table[key] + b", " + value if key in table else value
    return table


def end_to_end(fields: Fields, *, keep: Container[bytes] = ()) -> Fields:
    """The fields that may pass a proxy: none of one hop, none that Connection names, none for proxies.

    ``keep``: lower-case names that stay nevertheless.  Of ``Proxy-*`` only Proxy-Status passes, which is
    written for whoever reads the answer (RFC 9209 §2).  Add your own fields (Via) afterwards, out of the
    peer's reach. Source: RFC 9110 §7.6.1.
    """
    kept = []
    named: set[bytes] = set()
    for field in fields:
        name = field[0].lower()
        if name in keep or (name not in HOP_BY_HOP and (name[:1] != b"p" or _for_readers(name))):
            kept.append(field)
        elif name == b"connection" and field[1] not in _NAMES_NOTHING:
            named.update(split_list(field[1]))
    named -= ESSENTIAL
    if named:
        kept = [field for field in kept if (name := field[0].lower()) not in named or name in keep]
    return kept


#: The lines of one hop, and for proxies, in a block of lines; the same with Host, which is written anew.
_LEFT_OUT = rb"(?i:%bconnection|keep-alive|te|transfer-encoding|upgrade|proxy-(?!status:)[^:]*+):[^\r]*+"
_OF_ONE_HOP = re.compile(rb"\r\n(?=[CcKkTtUuPp])" + _LEFT_OUT % b"")
_OF_ONE_HOP_OR_HOST = re.compile(rb"\r\n(?=[CcKkTtUuPpHh])" + _LEFT_OUT % b"host|")

#: Options of Connection that name no field of the message.
_NO_FIELDS = frozenset((b"keep-alive", b"close"))


def end_to_end_lines(block: bytes, options: frozenset[bytes], *, host: bool = True) -> bytes:
    """What ``end_to_end`` keeps, from and as a block of lines; without Host, if that is not wanted.

    ``block``: as ``grammar.field_block`` gives it; ``options``: those of Connection.
    """
    kept = (_OF_ONE_HOP if host else _OF_ONE_HOP_OR_HOST).sub(b"", block)
    if options <= _NO_FIELDS:
        return kept
    named = options - ESSENTIAL
    lines = kept.split(b"\r\n")[1:]
    return b"".join([b"\r\n" + line for line in lines if line.partition(b":")[0].lower() not in named])


def _for_readers(name: bytes) -> bool:
    return not name.startswith(b"proxy-") or name == b"proxy-status"

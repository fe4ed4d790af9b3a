"""The character sets of RFC 9110 §5 as regular expressions, and field lines read by them.

Reading is linear in the length of the bytes, whatever they are: runs of one set are possessive (``++``,
``*+``) and never gone back over, and what follows a run or a group begins with a byte that the run or group
cannot take.  Groups are never possessive: CPython before 3.11.5 takes a possessive group that failed half-way
for a match (python/cpython#106052), and so would read ``5;`` as a chunk size with an extension.
"""

import re

from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields
from netsuite.http1.limits import Limits

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
#: What may stand in a value: HTAB, SP, visible ASCII, and obs-text, which is passed on as the bytes it is.
TEXT = rb"[\t -~\x80-\xff]*+"

#: A line as we would write it ourselves, and a line as almost everyone does.  White space after the value is
#: left to the slow way below, which costs those who send it and nobody else.
_OURS = re.compile(rb"\r\n(" + TOKEN + rb"): (?![\t ])(" + TEXT + rb")(?<![\t ])(?=\r\n)")
_FIELD = re.compile(rb"\r\n(" + TOKEN + rb"):[\t ]*+(" + TEXT + rb")(?<![\t ])(?=\r\n)")
_LINE = re.compile(rb"(" + TOKEN + rb"):(" + TEXT + rb")")
#: The white space between a field's name and its colon.
_BEFORE_COLON = re.compile(rb"(?m)^(" + TOKEN + rb")[ \t]++(?=:)")
#: What neither a head nor a trailer section holds: controls, bare LF, bare CR (a last CR may yet find its
#: LF).
HOPELESS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def field_block(
    lines: bytes, at: int, limits: Limits, *, lenient_colon: bool = False
) -> tuple[Fields, bytes]:
    """Every field line from ``at`` (the CRLF before the first) to the CRLF that ends ``lines``, in order; and
    the same as one block of lines, each with the CRLF before it, written as ``written`` writes them.

    All or nothing: a match begins at one CRLF and ends at the next, so if there are as many matches as lines
    then no byte lies outside a match.  ``lenient_colon``: white space before a colon is taken away, which a
    proxy must do for an answer and must not do for a request (RFC 9112 §5.1).  Raises: BadMessage 400, or 431
    for too many.  Source: RFC 9112 §5, §2.2.
    """
    count = lines.count(b"\r\n", at) - 1
    if count > limits.fields:
        raise BadMessage(431, "too many fields")
    fields: Fields = _OURS.findall(lines, at)
    if len(fields) == count:  # each is written as we would: no need to write it anew
        return fields, lines[at:-2]
    fields = _FIELD.findall(lines, at)
    if len(fields) != count:
        each = lines[at + 2 : -2]
        fields = _one_by_one(_BEFORE_COLON.sub(rb"\1", each) if lenient_colon else each)
    return fields, written(fields)


def field_lines(lines: bytes, at: int, limits: Limits) -> Fields:
    """The fields of ``field_block`` alone.  Raises: as there."""
    return field_block(lines, at, limits)[0]


def written(fields: Fields) -> bytes:
    """The lines of ``fields``, each with the CRLF before it."""
    return b"".join([b"\r\n%b: %b" % field for field in fields])


def _one_by_one(lines: bytes) -> Fields:
    """The fields of ``lines``, white space stripped; raises for the first line that is wrong, saying why."""
    fields = []
    for line in lines.split(b"\r\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadMessage(400, _line_fault(line))
        fields.append((match[1], match[2].strip(b" \t")))
    return fields


def _line_fault(line: bytes) -> str:
    """Why ``line`` is no field line."""
    if line[:1] in (b" ", b"\t"):
        return "white space at the start of a field line"  # obs-fold, or a line before the first field
    if b"\n" in line or b"\r" in line:
        return "a bare CR or LF among the fields"
    if _CONTROL.search(line.replace(b"\t", b" ")):
        return "a control character among the fields"
    name, colon, _ = line.partition(b":")
    if not colon:
        return "a field line without a colon"
    if not name:
        return "a field without a name"
    if name[-1:] in (b" ", b"\t"):
        return "white space before a field's colon"
    return "a field name that is no token"

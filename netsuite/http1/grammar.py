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

#: A line as almost everyone writes it.  White space after the value is left to the slow way below, which
#: costs those who send it and nobody else.
_FIELD = re.compile(rb"\r\n(" + TOKEN + rb"):[\t ]*+(" + TEXT + rb")(?<![\t ])(?=\r\n)")
_LINE = re.compile(rb"(" + TOKEN + rb"):(" + TEXT + rb")")
#: What neither a head nor a trailer section holds: controls, bare LF, bare CR (a last CR may yet find its
#: LF).
HOPELESS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def field_lines(lines: bytes, at: int, limits: Limits) -> Fields:
    """Every field line from ``at`` (the CRLF before the first) to the CRLF that ends ``lines``, in order.

    All or nothing: a match begins at one CRLF and ends at the next, so if there are as many matches as lines
    then no byte lies outside a match.  Raises: BadMessage 400, or 431 for too many.  Source: RFC 9112 §5,
    §2.2.
    """
    count = lines.count(b"\r\n", at) - 1
    if count > limits.fields:
        raise BadMessage(431, "too many fields")
    fields: Fields = _FIELD.findall(lines, at)
    return fields if len(fields) == count else _one_by_one(lines[at + 2 : -2])


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

"""Secrets in a remembered request: each is shown by its length and a mark, so that "same or not" still
shows.

The mark is a keyed hash, under a key that is made at the start and never leaves the process: equal secrets
have equal marks, and a mark can't be tried against guesses.  What is taken for a secret, by the name it goes
under: values of fields, cookies one by one, parameters of a query or form, members of a JSON body; and user
and password in a URL.  Lines are cut as the most lenient reader would, so that a malformed field hides
nothing.

All expressions are linear in the length of what they read.
"""

from __future__ import annotations

import hashlib
import re

#: What the name of a secret has in it; ``author`` is none.
SECRET_NAME = re.compile(
    rb"(?i)auth(?!or(?!i))|cookie|token|secret|passw|pwd|api[-_]?key|access[-_]?key|private[-_]?key|session|"
    rb"credential|signature|csrf|xsrf|jwt|otp"
)

#: Names that are too short to be looked for in others.
_SHORT = frozenset(b"sig key code state sid pass pin".split())

_UNSEEN = re.compile(rb"[\x00-\x20\x7f]")
_LINE_ENDS = re.compile(rb"(\r\n|\n|\r)")
_WORD = re.compile(rb"([^:=\t ]++)[:=\t ]*+")
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,30}[ \t]+)(.+)", re.DOTALL)
_COOKIE = re.compile(rb"([^=;,\s]++)(=)([^;]*+)")
_USERINFO = re.compile(rb"(?<=//)([^/\s@?#]++)(?=@)")

#: Before a value, its name, between them, and the value.
_PARAMETER = re.compile(rb"((?:\A|[?&;\s]))([^=&;?\s]++)(=)([^&;#\s]++)")
_MEMBER = re.compile(rb'(")([^"\\]++)("\s*+:\s*+")((?:[^"\\]++|\\.)+)', re.DOTALL)
_NUMBER = re.compile(rb'(")([^"\\]++)("\s*+:\s*+)([0-9][0-9.eE+-]*+)')
_PART = re.compile(rb'(name=")([^"\r\n]++)("[^\r\n]*+\r?\n(?:[^\r\n]++\r?\n){0,5}\r?\n)([^\r\n]++)')


def is_secret(name: bytes) -> bool:
    """Whether what goes under this name is a secret."""
    name = _UNSEEN.sub(b"", name)
    return name.lower() in _SHORT or SECRET_NAME.search(name) is not None


class Redaction:
    """Replaces secrets; ``key`` makes the marks."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, secret: bytes) -> bytes:
        """What stands for ``secret``: ``[24-bytes-1a2b3c4d5e]``; no spaces, so that a target stays one."""
        digest = hashlib.blake2b(secret, key=self._key, digest_size=5).hexdigest()
        return b"[%d-bytes-%b]" % (len(secret), digest.encode())

    def head(self, raw: bytes) -> bytes:
        """The head with marks in the place of secrets; every other byte is as it was."""
        pieces = _LINE_ENDS.split(raw)  # line, end, line, end, ...
        is_first, hides = True, False
        for at in range(0, len(pieces), 2):
            line = pieces[at]
            if not line:
                continue
            if hides and line[:1] in (b" ", b"\t"):  # a folded line goes on with the one before
                pieces[at] = self._value(b"", line)
                continue
            at_value = _secret_at(line, is_first)
            hides, is_first = at_value is not None, False
            pieces[at] = (
                self._rest(line)
                if at_value is None
                else line[:at_value] + self._value(line[:at_value], line[at_value:])
            )
        return b"".join(pieces)

    def _value(self, name: bytes, value: bytes) -> bytes:
        inner = value.strip(b" \t")
        if not inner:
            return value
        start = value.index(inner)
        if b"cookie" in name.lower() and b"=" in inner:
            hidden = _COOKIE.sub(self._cookie, inner)
        elif (scheme := _SCHEME.fullmatch(inner)) and b"auth" in name.lower():
            hidden = scheme[1] + self.mark(scheme[2])
        else:
            hidden = self.mark(inner)
        return value[:start] + hidden + value[start + len(inner) :]

    def _cookie(self, match: re.Match[bytes]) -> bytes:
        return match[1] + match[2] + (self.mark(match[3]) if match[3] else b"")

    def _rest(self, line: bytes) -> bytes:
        """A line that is no secret as a whole: a target or Referer may have some in its query."""
        if b"=" in line:
            line = _PARAMETER.sub(self._fourth, line)
        return _USERINFO.sub(lambda m: self.mark(m[1]), line) if b"@" in line else line

    def body(self, body: bytes) -> bytes:
        """The body with marks in the place of secrets that a form or JSON names."""
        if b"=" in body:
            body = _PART.sub(self._fourth, _PARAMETER.sub(self._fourth, body))
        if b'"' in body:
            body = _NUMBER.sub(self._fourth, _MEMBER.sub(self._fourth, body))
        return body

    def _fourth(self, match: re.Match[bytes]) -> bytes:
        if not is_secret(match[2]):
            return match[0]
        return match[1] + match[2] + match[3] + self.mark(match[4])


def _secret_at(line: bytes, is_first: bool) -> int | None:
    """Where the value begins of a field line whose value is a secret, None if it is none.

    The name may be followed by whatever a lenient reader would take for its end.
    """
    name, colon, _ = line.partition(b":")
    if is_first and (b" " in name or not colon):  # a request line
        return None
    word = _WORD.match(line)
    if word is not None and is_secret(word[1]):
        return word.end()
    return len(name) + 1 if colon and is_secret(name) else None

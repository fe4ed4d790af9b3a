"""What a server wants to know before it serves us: challenges as values (RFC 9110 §11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from netsuite.http1.grammar import TOKEN

#: Challenges of one answer that are read, and bytes of all of them.
CHALLENGES_MAX = 16
BYTES_MAX = 8 * 1024

_TOKEN = re.compile(TOKEN)
_PARAMETER = re.compile(
    rb"(" + TOKEN + rb')[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*)"|(' + TOKEN + rb"))", re.DOTALL
)
_TOKEN68 = re.compile(rb"[A-Za-z0-9\-._~+/]++=*+(?=[ \t]*+(?:,|\Z))")
_SPACE = re.compile(rb"[ \t]*+")
_BETWEEN = re.compile(rb"[ \t,]*+")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme, in lower case, with its parameters; of a parameter said twice the first counts."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """What the server calls the part that is protected."""
        return self.parameters.get("realm", "")


def challenges(values: Iterable[bytes]) -> list[Challenge]:
    """Return the challenges of WWW-Authenticate or Proxy-Authenticate, as far as they can be read."""
    text = b", ".join(values)[:BYTES_MAX]
    found: list[Challenge] = []
    at = _past(_BETWEEN, text, 0)
    while at < len(text) and len(found) < CHALLENGES_MAX:
        scheme = _TOKEN.match(text, at)
        if scheme is None:
            break
        parameters, at = _parameters(text, _past(_SPACE, text, scheme.end()))
        found.append(Challenge(scheme[0].decode("ascii").lower(), parameters))
        at = _past(_BETWEEN, text, at)
    return found


def _parameters(text: bytes, at: int) -> tuple[dict[str, str], int]:
    """Return the parameters from ``at`` on, and where what is none begins."""
    parameters: dict[str, str] = {}
    token68 = _TOKEN68.match(text, at)
    if token68 is not None and token68[0].endswith(b"="):
        return parameters, token68.end()
    while True:
        match = _PARAMETER.match(text, at)
        if match is None:
            return parameters, at
        name, quoted, plain = match.groups()
        value = plain if quoted is None else re.sub(rb"(?s)\\(.)", rb"\1", quoted)
        parameters.setdefault(name.decode("ascii").lower(), _text(value))
        at = _past(_BETWEEN, text, match.end())


def _past(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")

"""A remembered request as a command that sends it again: curl where curl can, else its bytes as they are.

The command is for a POSIX shell.  Whatever the request had in it is quoted: single quotes for text, and
base64 for a body or head that is none.
"""

from __future__ import annotations

import base64
import re
import shlex

from netsuite.http1.head import RequestHead

#: Largest body that a command has in it; a larger one is fetched from the ring.
INLINE_MAX = 16 * 1024

#: What can stand in single quotes, on one line, in any shell.
_TEXT = re.compile(rb"[\t -~\x80-\xff]*")

#: What curl sends of its own accord, and what takes it away.
_OWN = ((b"user-agent", "User-Agent:"), (b"accept", "Accept:"), (b"content-type", "Content-Type:"))


def curl(head: RequestHead, body: bytes, *, place: str, secure: bool, fetch: str) -> bytes:
    """The command for a well-formed request.

    ``place``: host and port to send it to; ``fetch``: where a body that is too large for it can be had.
    """
    scheme, target = ("https" if secure else "http"), head.raw_target
    parts = [
        b"curl --http1.1 --globoff --path-as-is"
        if head.version[1]
        else b"curl --http1.0 --globoff --path-as-is"
    ]
    if head.method == b"HEAD":
        parts.append(b"--head")
    elif head.method != b"GET" or body:
        parts.append(b"--request " + quoted(head.method))
    url = f"{scheme}://{place}/".encode()
    if target.startswith(b"/") and b"#" not in target:
        url = url[:-1] + target
    else:
        parts.append(b"--request-target " + quoted(target))
    parts += [
        b"--header " + quoted(_line(name, value)) for name, value in head.fields if _is_sent(name, head)
    ]
    for name, without in _OWN:
        if name not in head.combined and (name != b"content-type" or body):
            parts.append(b"--header " + quoted(without.encode()))
    if b"host" not in head.combined:
        parts.append(b"--header 'Host:'")
    if body:
        if b"expect" not in head.combined:
            parts.append(b"--header 'Expect:'")
        parts.append(b"--data-binary @-")
    parts.append(quoted(url))
    command = b" \\\n  ".join(parts)
    return _fed(body, command, fetch) + b"\n" if body else command + b"\n"


def bytes_as_sent(raw: bytes, body: bytes, *, host: str, port: int) -> bytes:
    """The command for a malformed request, which curl wouldn't send: its bytes go to the port by netcat."""
    return _decoded(raw + body) + f" | nc -w 5 {shlex.quote(host)} {port}\n".encode()


def quoted(text: bytes) -> bytes:
    """``text`` in single quotes (POSIX Shell §2.2.2)."""
    return b"'" + text.replace(b"'", b"'\\''") + b"'"


def _is_sent(name: bytes, head: RequestHead) -> bool:
    """Whether a field is told to curl; of how long a body is it says the truth itself."""
    return name.lower() != b"content-length" or not head.length


def _line(name: bytes, value: bytes) -> bytes:
    """A field as curl takes it; one without a value ends with a semicolon there."""
    return b"%b: %b" % (name, value) if value else name + b";"


def _fed(body: bytes, command: bytes, fetch: str) -> bytes:
    if len(body) > INLINE_MAX:
        return b"curl -s " + quoted(fetch.encode()) + b" | " + command
    if _TEXT.fullmatch(body):
        return b"printf %s " + quoted(body) + b" | " + command
    return _decoded(body) + b" | " + command


def _decoded(data: bytes) -> bytes:
    return b"printf %s " + quoted(base64.b64encode(data)) + b" | base64 -d"

"""Checksums: what a file's bytes must add up to, from the command line, from a sums file, from the server.

A sums file is GNU's (``HEX`` and the name, which a star may begin; a leading backslash where the name is
escaped) or BSD's (``SHA256 (name) = HEX``); its algorithm is named, or known by the length.  A server may say
it by ``Repr-Digest`` (RFC 9530) or ``Digest`` (RFC 3230), which are of the bytes with their content coding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

#: Algorithms by the length of their hexadecimal form; the first two stop no forger.
_BY_LENGTH = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
WEAK = frozenset(("md5", "sha1"))

#: Longest sums file.
SUMS_MAX = 16 * 1024 * 1024

_GNU = re.compile(r"(\\?)([0-9A-Fa-f]{32,128}) [ *](.+)")
_BSD = re.compile(r"(\\?)(MD5|SHA1|SHA224|SHA256|SHA384|SHA512) \((.+)\) = ([0-9A-Fa-f]{32,128})")
_FIELD = re.compile(rb"(?i)(sha-256|sha-512)\s*=\s*(:?)([A-Za-z0-9+/]+=*)(:?)")


@dataclass(frozen=True, slots=True)
class Sum:
    """What an algorithm must come to, in lower-case hexadecimal.  ``by``: who says so."""

    algorithm: str
    value: str
    by: str


def parse_sum(text: str, by: str) -> Sum:
    """Return the sum of a hexadecimal value, its algorithm known by its length.  Raises: ValueError."""
    text = text.strip().lower()
    algorithm = _BY_LENGTH.get(len(text))
    if algorithm is None or not re.fullmatch(r"[0-9a-f]+", text):
        raise ValueError("is no checksum in hexadecimal")
    return Sum(algorithm, text, by)


def parse_sha256(text: str) -> Sum:
    """Return the sum that ``--sha256`` gives.  Raises: ValueError."""
    found = parse_sum(text, "--sha256")
    if found.algorithm != "sha256":
        raise ValueError("is no SHA-256: that has 64 hexadecimal digits")
    return found


def find_sum(sums: str, name: str, by: str) -> Sum | None:
    """Return what a sums file says of a file's name, None for nothing; of a path the last part counts."""
    for line in sums.splitlines():
        gnu, bsd = _GNU.fullmatch(line), _BSD.fullmatch(line)
        if gnu:
            escapes, value, written = gnu.groups()
        elif bsd:
            escapes, _algorithm, written, value = bsd.groups()
        else:
            continue
        if escapes:
            written = re.sub(r"\\([\\nr])", lambda found: {"n": "\n", "r": "\r"}.get(found[1], "\\"), written)
        if written.rpartition("/")[2] == name and len(value) in _BY_LENGTH:
            found = parse_sum(value, by)
            if bsd is None or bsd[2].lower() == found.algorithm:
                return found
    return None


def sums_of_server(repr_digest: bytes | None, digest: bytes | None) -> list[Sum]:
    """Return what a server says of a representation's bytes: the strongest that we know, one a field."""
    found = []
    for value, name in ((repr_digest, "Repr-Digest"), (digest, "Digest")):
        said = {}
        for algorithm, opened, coded, closed in _FIELD.findall(value or b""):
            if bool(opened) == bool(closed) == (name == "Repr-Digest"):
                try:
                    raw = base64.b64decode(coded, validate=True)
                except binascii.Error:
                    continue
                plain = algorithm.decode("ascii").lower().replace("-", "")
                if len(raw) == hashlib.new(plain).digest_size:
                    said[plain] = raw.hex()
        strongest = max(said, default=None)
        if strongest is not None:
            found.append(Sum(strongest, said[strongest], name))
    return found


class Adding:
    """Adds bytes up by several algorithms."""

    def __init__(self, algorithms: frozenset[str]) -> None:
        self._sums = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)}

    def add(self, data: bytes) -> None:
        """Take further bytes."""
        for each in self._sums.values():
            each.update(data)

    def value(self, algorithm: str) -> str:
        """Return what they come to, in hexadecimal."""
        return self._sums[algorithm].hexdigest()

"""Where the store and its secrets lie: the state folder, the key of page digests, the report's token."""

from __future__ import annotations

import hashlib
import os
import re
import secrets

from netsuite import durable
from netsuite.site.token import read_secret
from netsuite.statefolder import state_folder as state_folder
from netsuite.wordproxy.store.redisurl import parse_place, with_prefix

MEMORY = ":memory:"

KEY_BYTES = 32

#: Bytes of a user's name that a file may be named by, and what of it a Redis's keys may.
_NAME_MAX = 100
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,48}")


def profile_store(where: str, user: str) -> str:
    """Return where the store of one user is, ``where`` being that of nobody in particular.

    In files, ``words.db`` has ``words.d/USER.db`` beside it, the name in hexadecimal; in a Redis a colon and
    the name follow the prefix.  A name that is too long or has other signs is told by its digest.
    """
    if where == MEMORY:
        return where
    name = user.encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(name, digest_size=16).hexdigest()
    if "://" not in where:
        short = name.hex() if len(name) <= _NAME_MAX else f"x{digest}"
        return os.path.join(profile_folder(where), f"{short}.db")
    plain = _PLAIN.fullmatch(user) and not user.startswith("x-")
    return with_prefix(where, f"{parse_place(where).prefix}:{user if plain else f'x-{digest}'}")


def profile_folder(where: str) -> str:
    """Return the folder of users' stores beside the store in a file."""
    return f"{where.removesuffix('.db')}.d"


def url_key(store: str) -> bytes:
    """Return the secret that page digests are keyed with: beside the store, 0600, made at first use.

    Without it the digests in a store cannot be compared with those of known addresses.  Raises: OSError,
    ValueError for a file that is no key.
    """
    if store == MEMORY:
        return secrets.token_bytes(KEY_BYTES)
    path = f"{store}.key"
    try:
        with open(path, "rb") as file:
            key = file.read(KEY_BYTES + 1)
    except FileNotFoundError:
        durable.write(path, secrets.token_bytes(KEY_BYTES), replace=False)
        return url_key(store)
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is no key of ours; put the right one back, or move it away with the store")
    return key


def report_secret(path: str) -> str:
    """Return the secret that stands behind the report's tokens: a line in a file, 0600, made at first use.

    Raises: OSError, ValueError for a file that holds none.
    """
    try:
        return read_secret(path)
    except FileNotFoundError:
        durable.write(path, secrets.token_urlsafe(KEY_BYTES).encode() + b"\n", replace=False)
        return read_secret(path)

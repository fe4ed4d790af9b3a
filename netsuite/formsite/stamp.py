"""The stamp on our own form: that it is ours, when it was given out, and which one it is.

It is the form's token against forged posts, tells how long it took to fill the form in, and is the key that
makes two clicks one entry.  ``TIME.NONCE.MAC``, signed with a secret of the store, so that forms stay good
over a restart; nothing of it is kept until the form comes back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

#: Hidden field in which the stamp comes back.
FIELD = "_stamp"

#: How long a form may lie open.  Past it what was typed is shown once more, to be sent by one more click.
GOOD_SECONDS = 86400.0

_FORM = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{32})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp of ours that came back.  ``age``: seconds since it was given out."""

    key: bytes
    age: float


class Stamps:
    """Gives stamps out and knows them again.  ``clock``: seconds since 1970."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        self._secret, self._clock = secret, clock

    def become(self, secret: bytes) -> None:
        """This is the secret from now on."""
        self._secret = secret

    def issue(self) -> str:
        """A new one."""
        begin = f"{int(self._clock() * 1000):x}.{secrets.token_hex(16)}"
        return f"{begin}.{self._mac(begin)}"

    def read(self, text: str) -> Stamp | None:
        """The stamp that a text is, None if it is none of ours or too old."""
        found = _FORM.fullmatch(text)
        if found is None or not hmac.compare_digest(self._mac(text.rpartition(".")[0]), found[3]):
            return None
        age = self._clock() - int(found[1], 16) / 1000
        return Stamp(bytes.fromhex(found[2]), age) if age <= GOOD_SECONDS else None

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

"""What goes wrong with a Redis, as one line each: what, where, how to mend it."""

from __future__ import annotations

import re
import ssl

#: What an error's text begins with, or has after a hyphen where a script met it, and what we say of it.  Some
#: come without their word from the client, which then tells by the class.
_CODES = {
    "OOM": "has no memory left for more words; raise its maxmemory",
    "READONLY": "is a replica or read-only; name the primary with --store",
    "MISCONF": "takes no writes since it can't save to its disk; free room there and look at its log",
    "LOADING": "is still loading what it had saved; it will be there soon",
    "NOAUTH": "wants a password; give it in a file, ?password-file=/its/path",
    "WRONGPASS": "does not take this user and password",
    "NOPERM": "does not let this user do what a store needs; allow it all commands on the prefix's keys",
    "WRONGTYPE": "has keys of another kind under our names; choose another ?prefix=",
    "SCHEMA": "no longer has the store that was opened; look whether it was emptied or upgraded",
    "BUSY": "is busy with a script; wait, or look at its log",
    "NOREPLICAS": "takes no writes since its replicas are gone; look at its log",
    "MASTERDOWN": "is a replica that lost its primary; name the primary with --store",
    "CLUSTERDOWN": "is of a cluster that is down; look at its log",
    "MOVED": "is of a cluster and does not hold this prefix; name the node that does with --store",
}

_CLASSES = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
    "NoPermissionError": "NOPERM",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
    "MovedError": "MOVED",
}

_CODE = re.compile(r"(?:^|-|\s)(" + "|".join(_CODES) + r")\b")


def told(where: str, error: Exception, seconds: float) -> str:
    """The line for an error of the client; it quotes nothing that was stored, asked or a password."""
    name = type(error).__name__
    if name == "TimeoutError":
        return f"{where} gave no answer within {seconds:g} s; is it overloaded, or the way to it cut?"
    code = _CLASSES.get(name)
    if code == "WRONGPASS" and "equired" in str(error):  # NOAUTH comes under the same class
        code = "NOAUTH"
    if code is None and name not in ("ConnectionError", "InvalidResponse"):
        found = _CODE.search(str(error))
        code = found[1] if found else None
    if code is not None:
        return f"{where} {_CODES[code]}"
    if name in ("ConnectionError", "InvalidResponse", "MaxConnectionsError"):
        return f"{where} can't be reached ({_reason(error)}); is it running, and is this the right address?"
    return f"{where} refused ({name}: {_first_words(error)}); is it Redis 6 or newer, or Valkey?"


def _reason(error: Exception) -> str:
    """What the system said, else what the client did."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate does not hold: {cause.verify_message}; ?ca-file= names an authority"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return _first_words(error)


def _first_words(error: Exception) -> str:
    """The beginning of an error's text, up to where it may quote an argument."""
    return (
        re.split(r"['\"`]", " ".join(str(error).split()), maxsplit=1)[0][:80].strip(" ,:.")
        or "no reason given"
    )

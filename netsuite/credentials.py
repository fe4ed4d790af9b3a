"""Secrets that a service manager hands over as files: ``$CREDENTIALS_DIRECTORY/NAME`` (systemd.exec(5))."""

from __future__ import annotations

from collections.abc import Mapping

#: How a setting names such a file, whatever the folder is called.
START = "$CREDENTIALS_DIRECTORY/"


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """Return a path, or an address with a path in it, that may mean a credential.

    Raises: ValueError, in a clause, where none were handed over.
    """
    if START not in text:
        return text
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise ValueError("is a credential, and none were handed over; see LoadCredential= of systemd")
    return text.replace(START, f"{folder}/")

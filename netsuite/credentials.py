"""Secrets that a service manager hands over as files: ``$CREDENTIALS_DIRECTORY/NAME`` (systemd.exec(5))."""

from __future__ import annotations

import os
from collections.abc import Mapping

#: How a setting names such a file, whatever the folder is called.
START = "$CREDENTIALS_DIRECTORY/"


def expanded(path: str, environ: Mapping[str, str]) -> str:
    """Return the path of a file that may be a credential.  Raises: ValueError, in a clause, without any."""
    if not path.startswith(START):
        return path
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise ValueError("is a credential, and none were handed over; see LoadCredential= of systemd")
    return os.path.join(folder, path.removeprefix(START))

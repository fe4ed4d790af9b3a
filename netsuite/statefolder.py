"""Where what lasts lies, if nobody says another place: systemd's folder for it, XDG's, or one in the home."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from netsuite import privilege


def state_folder(environ: Mapping[str, str], home: str | None = None) -> str:
    """Return our folder for what lasts.  Raises: ValueError.

    Where twistd becomes another user, the home is theirs.  Source: systemd.exec(5) StateDirectory=, XDG Base
    Directory Specification.
    """
    if environ.get("STATE_DIRECTORY"):
        return environ["STATE_DIRECTORY"].split(":")[0]
    if environ.get("XDG_STATE_HOME"):
        return os.path.join(environ["XDG_STATE_HOME"], "netsuite")
    heir = privilege.heir()
    home = heir.home if heir is not None else environ.get("HOME") or home or _passwd_home()
    if not home:
        raise ValueError("there is no home folder to keep anything in; name a file with --store")
    return os.path.join(home, ".local", "state", "netsuite")


def _passwd_home() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None

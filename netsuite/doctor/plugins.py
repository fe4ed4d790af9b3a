"""Whether twistd finds our services, quickly, and nothing that is not there: plugin files and their caches.

twistd keeps what it found in a folder of plugins in ``dropin.cache`` beside them, a pickle, and reads a file
anew that is not older than that.  Where the cache can't be written it does so at every start.  Unpickling
runs code: who may write the cache runs theirs as whoever starts twistd.  Source: twisted.plugin.getCache.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.filepath import FilePath

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding, listed
from twisted import plugins

CACHE = "dropin.cache"


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of plugins and its cache.  ``newer``: plugins that are not older than it.

    ``is_open``: others than its owner may write the folder or the cache; ``can_write``: we may.
    """

    folder: str
    is_there: bool
    newer: tuple[str, ...] = ()
    is_open: bool = False
    can_write: bool = True

    @property
    def is_current(self) -> bool:
        """Whether twistd may take it as it is."""
        return self.is_there and not self.newer


@dataclass(frozen=True, slots=True)
class Command:
    """What ``twistd --help`` offers.  ``is_there``: its module is."""

    name: str
    module: str
    is_there: bool = True


def caches(folders: Iterable[str] | None = None) -> list[Cache]:
    """Return the folders with plugins in them, before twistd has looked at them."""
    found = []
    for folder in dict.fromkeys(plugins.__path__ if folders is None else folders):
        try:
            names = [name for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"]
        except OSError:
            continue
        if names:
            found.append(_cache(folder, names))
    return found


def _cache(folder: str, names: Iterable[str]) -> Cache:
    path = os.path.join(folder, CACHE)
    can_write = os.access(folder, os.W_OK | os.X_OK)
    if not os.path.isfile(path):
        return Cache(folder, False, is_open=_is_open(folder), can_write=can_write)
    written = os.stat(path).st_mtime
    newer = (name for name in names if os.stat(os.path.join(folder, name)).st_mtime >= written)
    return Cache(
        folder,
        True,
        tuple(sorted(name.removesuffix(".py") for name in newer)),
        is_open=_is_open(folder) or _is_open(path),
        can_write=can_write,
    )


def _is_open(path: str) -> bool:
    mode = os.stat(path).st_mode
    return bool(mode & stat.S_IWOTH) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)


def commands() -> list[Command]:
    """Return what twistd offers; looking may write the caches, as each start of twistd does."""
    return [Command(_text(maker.tapname), _text(maker.module), _found(maker)) for maker in _makers()]


def _makers() -> list[Any]:
    return [one for one in getPlugins(IServiceMaker) if hasattr(one, "tapname") and hasattr(one, "module")]


def _text(value: object) -> str:
    return str(value)[:120]


def _found(maker: Any) -> bool:
    try:
        return find_spec(str(maker.module)) is not None
    except (ImportError, ValueError, AttributeError):  # a package above it is not there, or is none
        return False


def judge(
    before: Sequence[Cache], offered: Sequence[Command], wanted: Iterable[str], after: Sequence[Cache]
) -> list[Finding]:
    """Return what is to be said; ``wanted``: our services' names; ``before``, ``after``: that look."""
    findings = [*_offers(offered, wanted)]
    now = {cache.folder: cache for cache in after}
    for cache in before:
        findings += _state(cache, now.get(cache.folder, cache))
    return findings


def _offers(offered: Sequence[Command], wanted: Iterable[str]) -> list[Finding]:
    wanted = list(wanted)
    names = Counter(command.name for command in offered)
    missing = [name for name in wanted if name not in names]
    ours = {command.name: command for command in offered if command.name in wanted}
    strange = [command for command in ours.values() if not command.module.startswith("netsuite.")]
    findings = []
    if missing:
        findings.append(
            Finding(
                FAULT,
                "plugins",
                f"twistd does not offer {listed(missing, 9)}",
                mend="install netsuite where this twistd is (pip install), or give PYTHONPATH a checkout",
            )
        )
    findings += [_ghost(command) for command in offered if not command.is_there]
    findings += [
        Finding(
            FAULT, "plugins", f"is {one.module}, of another package", f"twistd {one.name}", "uninstall one"
        )
        for one in strange
    ]
    findings += [
        Finding(
            WARNING,
            "plugins",
            f"is found {names[name]} times, and any of them is taken",
            f"twistd {name}",
            "uninstall one, or take a checkout out of PYTHONPATH",
        )
        for name in wanted
        if names[name] > 1
    ]
    if not missing:
        findings.append(Finding(OK, "plugins", f"twistd offers {listed(wanted, 9)}"))
    return findings


def _ghost(command: Command) -> Finding:
    return Finding(
        FAULT if command.module.startswith("netsuite.") else WARNING,
        "plugins",
        f"a ghost: there is no {command.module}",
        f"twistd {command.name}",
        "remove the plugin file that is left of it, then netsuite refresh-plugins",
    )


def _state(before: Cache, now: Cache) -> list[Finding]:
    """What a folder of plugins came to by looking at it."""
    path = FilePath(before.folder).child(CACHE).path
    findings = []
    if before.is_open:
        findings.append(
            Finding(
                FAULT,
                "plugins",
                "anybody may write it, and so run code in every twistd",
                path,
                f"chmod o-w {before.folder} {path}",
            )
        )
    how = "missing" if not before.is_there else f"stale (older than {listed(before.newer)})"
    if before.is_current:
        findings.append(Finding(OK, "plugins", "is current", path))
    elif now.is_current:
        findings.append(Finding(OK, "plugins", f"was {how}; this look has written it, as twistd would", path))
    else:
        why = "" if now.can_write else ", and this user can't write it"
        findings.append(
            Finding(
                WARNING,
                "plugins",
                f"is {how}{why}: each start reads all plugins",
                path,
                "run netsuite refresh-plugins as its owner",
            )
        )
    return findings

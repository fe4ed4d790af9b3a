"""All looks, and what they came to, in the order in which a person would mend it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass

from netsuite.doctor import certificates, clock, files, limits, plugins, ports, running, software, stores
from netsuite.doctor.finding import FAULT, Finding
from netsuite.doctor.plan import LOG, MEMORY, SECRET, STATE, USERS, Kept, Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked beside the settings.  ``user``: whose access is judged, None for who is likely.

    ``pid``, ``pidfile``: of the pidfile, and what is to be said of it; ``log``: twistd's log file;
    ``faults``: those of the settings, which have been told.
    """

    user: str | None = None
    pid: int | None = None
    pidfile: Finding | None = None
    log: str = ""
    faults: tuple[str, ...] = ()


def machine(caches: Sequence[plugins.Cache], wanted: Sequence[str], needs: dict[str, str]) -> list[Finding]:
    """Return what does not depend on the settings: packages and plugins.  ``caches``: before any look."""
    offered = plugins.commands()
    after = plugins.caches([cache.folder for cache in caches])
    return [*software.judge(software.look(), needs), *plugins.judge(caches, offered, wanted, after)]


def examine(plan: Plan, asked: Asked, watched: clock.Watched) -> list[Finding]:
    """Return everything that depends on the settings.  Raises: KeyError for a user whom nobody knows."""
    suite = running.look(plan, asked.pid, asked.pidfile)
    findings = running.judge(suite, plan)
    findings += ports.judge(ports.look(plan.listeners), suite)
    findings += _files(plan, asked, suite)
    now = datetime.datetime.now(datetime.UTC)
    findings += certificates.judge([certificates.look(*shown) for shown in plan.shown], now, asked.faults)
    findings += stores.judge(stores.look(plan.stores))
    folders = [os.path.dirname(where) for _, where in plan.stores if where != MEMORY and "://" not in where]
    folders += [kept.path for kept in plan.files if kept.role == STATE]
    findings += limits.judge_room(limits.room(dict.fromkeys(folders)))
    findings += limits.judge_descriptors(limits.descriptors(suite.pid, suite.name), plan.clients, plan.joint)
    in_files = [where for _, where in plan.stores if os.path.isfile(where)]
    return [*findings, *clock.judge(watched.look(in_files))]


def _files(plan: Plan, asked: Asked, suite: running.Running) -> list[Finding]:
    told = " ".join(asked.faults)
    kept = [one for one in plan.files if one.role != USERS or one.path not in told]
    kept += [Kept(option, named.key, SECRET) for option, named in plan.shown]
    if asked.log:
        kept.append(Kept("twistd --logfile", asked.log, LOG))
    uid = suite.uid
    if uid is None and os.geteuid() == 0:
        uid = files.owner_of(kept)
    return files.judge([files.look(one) for one in dict.fromkeys(kept)], files.user(asked.user, uid))


def unreadable(faults: Sequence[str]) -> list[Finding]:
    """Return what is wrong with the settings themselves."""
    mend = "mend that; netsuite check says when it is right"
    return [Finding(FAULT, "settings", fault, mend=mend) for fault in faults]

"""The suite that these settings are of, where it runs already: what it holds is no clash.

It is known by the pidfile, by what its admin listener says, or by its command line.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding, listed
from netsuite.doctor.plan import Listener, Plan
from netsuite.doctor.sockets import PROC, NoTables, Process, listening, meets, owners, pids, process

#: Seconds that the admin listener gets for its answer, and bytes of it that are read.
ANSWER_SECONDS = 2.0
ANSWER_MAX = 1 << 20

#: Addresses that a listener for every address is asked at.
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 asked, not bound


@dataclass(frozen=True, slots=True)
class Running:
    """What is known of it; nothing, where it doesn't run.  ``told``: its /status.json."""

    pid: int | None = None
    uid: int | None = None
    told: dict[str, Any] | None = field(default=None, hash=False)
    pidfile: Finding | None = None  #: what is to be said of the pidfile
    asked: tuple[str, ...] = ()  #: where it answered

    @property
    def is_there(self) -> bool:
        """Whether it runs."""
        return self.pid is not None or self.told is not None

    @property
    def places(self) -> frozenset[str]:
        """Where it says that it listens."""
        services = self.services
        return frozenset((*self.asked, *(str(one) for each in services for one in each.get("listen") or ())))

    @property
    def services(self) -> list[dict[str, Any]]:
        """What it says of its services."""
        told = (self.told or {}).get("services") or []
        return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []

    @property
    def name(self) -> str:
        """It, for people."""
        return "the running suite" + (f" (process {self.pid})" if self.pid is not None else "")


def look(plan: Plan, pid: int | None, trouble: Finding | None = None, proc: Path = PROC) -> Running:
    """Return what is known of the running suite.  ``pid``: of the pidfile; ``trouble``: what it comes to."""
    found = process(pid, proc) if pid is not None else by_command_line(plan, proc)
    answer = ask(plan.admin, plan.admin_shows) if plan.admin is not None else None
    asked = (plan.admin.place,) if plan.admin is not None and answer is not None else ()
    if found is None and plan.admin is not None and answer is not None:
        found = at(plan.admin, proc)
    if found is None:
        return Running(told=answer, pidfile=trouble, asked=asked)
    return Running(found.pid, found.uid, answer, trouble, asked)


def at(place: Listener, proc: Path = PROC) -> Process | None:
    """Return the process that listens at a place, as far as that may be seen."""
    try:
        in_way = [one for one in listening(proc) if meets(one, place.kind, place.host, place.port)]
    except NoTables:
        return None
    found = sorted(
        {pid for pids_of in owners((one.inode for one in in_way), proc).values() for pid in pids_of}
    )
    return process(found[0], proc) if found else None


def by_command_line(plan: Plan, proc: Path = PROC) -> Process | None:
    """Return the twistd that runs the suite with this very file, None if there is none to be seen."""
    seen = (process(pid, proc) for pid in pids(proc))
    return next((one for one in seen if one is not None and runs(one, plan.config)), None)


def runs(one: Process, config: str) -> bool:
    """Whether a process is a twistd that runs the suite with the file ``config``; "" is none.

    One that can't be looked at is not known by its command line: its paths may be of another folder, or of a
    container.
    """
    if not one.is_twistd or not one.is_here or "netsuite" not in one.words:
        return False
    words = one.words[one.words.index("netsuite") + 1 :]
    files = [after for word, after in pairwise(words) if word in ("-c", "--config")]
    files += [word.partition("=")[2] for word in words if word.startswith("--config=")]
    if not config or not files:
        return not config and not files
    return os.path.realpath(os.path.join(one.folder, files[-1])) == os.path.realpath(config)


def ask(admin: Listener, certificate: str = "") -> dict[str, Any] | None:
    """Return what an admin listener says of its service, None if nothing can be read there.

    ``certificate``: the file of what it shows, where it speaks TLS; no other is taken.
    """
    if admin.kind != "tcp" or not admin.port:
        return None
    try:
        link = _link(_NEAR.get(admin.host, admin.host), admin.port, certificate)
    except OSError:  # no such certificate, or none in it
        return None
    try:
        link.request("GET", "/status.json")
        answer = json.loads(link.getresponse().read(ANSWER_MAX))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None
    finally:
        with contextlib.suppress(OSError):
            link.close()
    return answer if isinstance(answer, dict) and isinstance(answer.get("state"), str) else None


def _link(host: str, port: int, certificate: str) -> http.client.HTTPConnection:
    if not certificate:
        return http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it is asked by its address
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted itself, whoever has signed it
    context.load_verify_locations(certificate)
    return http.client.HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=context)


def judge(running: Running, plan: Plan) -> list[Finding]:
    """Return what is to be said of the suite that runs, or of the pidfile."""
    findings = [running.pidfile] if running.pidfile is not None else []
    if not running.is_there:
        return findings or [Finding(OK, "suite", "it is not running")]
    down = [each for each in running.services if each.get("state") != "up"]
    findings += [finding for each in down for finding in _down(each)]
    own = {"name": "netsuite", **(running.told or {})}
    findings += [finding for each in (own, *running.services) for finding in _reload(each)]
    if running.uid == 0:
        mend = "give twistd --uid USER, or start it by a unit of deploy/systemd"
        findings.append(Finding(WARNING, "suite", f"{running.name} has root's rights", mend=mend))
    if running.told is None:
        findings.append(_silent(running, plan))
    elif not down:
        names = listed((str(each.get("name")) for each in running.services), 12)
        findings.append(Finding(OK, "suite", f"{running.name} is up" + (f": {names}" if names else "")))
    return findings


def _down(told: dict[str, Any]) -> list[Finding]:
    """What a service says of why it is not up."""
    reasons = told.get("reasons")
    reasons = reasons if isinstance(reasons, list) and reasons else [told.get("state")]
    mend = "look at its log; what could not start needs another start"
    return [Finding(FAULT, "suite", str(why)[:200], str(told.get("name")), mend) for why in reasons[:9]]


def _reload(told: dict[str, Any]) -> list[Finding]:
    """A reload that was refused: what runs is older than the file."""
    last = told.get("reload")
    if not isinstance(last, dict) or last.get("ok") is not False:
        return []
    what = f"its reload was refused: {str(last.get('message'))[:200]}"
    return [Finding(WARNING, "suite", what, str(told.get("name")), "mend the file, then send HUP again")]


def _silent(running: Running, plan: Plan) -> Finding:
    if plan.admin is None or plan.admin.kind != "tcp" or not plan.admin.port:
        return Finding(OK, "suite", f"{running.name} is there; it has no --admin that could be asked")
    return Finding(
        WARNING,
        "suite",
        f"{running.name} does not answer at its admin listener",
        plan.admin.place,
        "look at its log; netsuite status asks again",
    )


def holds(running: Running, place: str, holders: Iterable[int]) -> bool:
    """Whether a place is the running suite's.  ``holders``: the processes that have it."""
    return place in running.places or (running.pid is not None and running.pid in set(holders))


def strangers(holders: Sequence[Process]) -> str:
    """Return who has a place, for people; the first of several that share it."""
    return f"{holders[0].name} (process {holders[0].pid})" if holders else ""

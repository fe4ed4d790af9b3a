"""Whether Python, Twisted and the other packages are those that this program was made for."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import twisted
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding, listed

PACKAGE = "netsuite"

#: Packages that must not be there, and why.
UNWANTED = {
    "passlib": "it hides libpass, which has the same import name, and fails with bcrypt 5",
}

#: Extras that a service may use, and what for; those of tests and of development are nobody's lack.
EXTRAS = ("redis", "websocket", "freq", "lemma")

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?(?:>=\s*([0-9.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_PYTHON = re.compile(r"python_(?:full_)?version\s*<\s*['\"]([0-9.]+)['\"]")


@dataclass(frozen=True, slots=True)
class Part:
    """A package.  ``least``: the oldest version that is good; ``there``: that is installed, "" for none."""

    name: str
    least: str = ""
    there: str = ""
    extra: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is there and new enough."""
        return bool(self.there) and _numbers(self.there) >= _numbers(self.least)


@dataclass(frozen=True, slots=True)
class Software:
    """What is installed.  ``python``: its version, and the oldest that is good; ``other_twistd``: on PATH."""

    python: tuple[str, str]
    parts: tuple[Part, ...] = ()
    unwanted: tuple[str, ...] = ()
    other_twistd: str = ""
    error: str = ""
    is_compiled: bool = True  #: the module that counts words faster


def look() -> Software:
    """Return what is installed here."""
    python = platform.python_version()
    try:
        about: Any = metadata.metadata(PACKAGE)
        wanted = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return Software((python, ""), error=f"{PACKAGE} is not installed: it runs from a folder of sources")
    least = re.sub(r"[^0-9.]", "", str(about.get("Requires-Python") or ""))
    parts = tuple(part for text in wanted if (part := part_of(text, python)) is not None)
    unwanted = tuple(name for name in UNWANTED if _installed(name))
    is_compiled = find_spec("netsuite.words._plain") is not None
    return Software((python, least), parts, unwanted, _other_twistd(), is_compiled=is_compiled)


def part_of(text: str, python: str) -> Part | None:
    """Return the package that a requirement asks for here, None where it asks for none."""
    found = _REQUIREMENT.match(text)
    before = _PYTHON.search(text)
    if found is None or (before and _numbers(python)[:2] >= _numbers(before[1])):
        return None
    extra = _EXTRA.search(text)
    return Part(found[1], found[2] or "", _installed(found[1]), extra[1] if extra else "")


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:4])


def _other_twistd() -> str:
    """Return the twistd that a shell would start, if it is of another environment than ours."""
    found = shutil.which("twistd")
    ours = os.path.join(os.path.dirname(sys.executable), "twistd")
    if found is None or not os.path.exists(ours):
        return ""
    return "" if os.path.realpath(found) == os.path.realpath(ours) else found


def judge(software: Software, needs: Mapping[str, str]) -> list[Finding]:
    """Return what is to be said; ``needs``: extras that the settings need, and which setting does."""
    if software.error:
        return [Finding(UNKNOWN, "software", software.error, mend="pip install . (or -e .) there")]
    findings = [*_python(software), *_parts(software.parts)]
    findings += [_extra(name, setting) for name, setting in needs.items() if not _has(software.parts, name)]
    findings += [
        Finding(FAULT, "software", UNWANTED[name], name, f"pip uninstall {name}, then install libpass anew")
        for name in software.unwanted
    ]
    if software.other_twistd:
        told = "is of another environment than this command, and may have other services"
        mend = f"start {os.path.join(os.path.dirname(sys.executable), 'twistd')}"
        findings.append(Finding(WARNING, "software", told, software.other_twistd, mend))
    if not findings:
        absent = [name for name in EXTRAS if not _has(software.parts, name)]
        told = f"Python {software.python[0]}, Twisted {twisted.__version__} and what else is required"
        told += f"; extras not installed, nor needed here: {listed(absent)}" if absent else ""
        told += "" if software.is_compiled else "; no compiled module, so pages are counted more slowly"
        findings.append(Finding(OK, "software", told))
    return findings


def _python(software: Software) -> list[Finding]:
    version, least = software.python
    if least and _numbers(version) < _numbers(least):
        return [
            Finding(FAULT, "software", f"Python {version} is older than {least}", mend="install a newer one")
        ]
    return []


def _parts(parts: Sequence[Part]) -> list[Finding]:
    return [
        Finding(
            FAULT,
            "software",
            f"{part.there} is older than {part.least}" if part.there else "is not installed",
            part.name,
            "pip install -c constraints.txt netsuite",
        )
        for part in parts
        if not part.extra and not part.is_good
    ]


def _has(parts: Sequence[Part], extra: str) -> bool:
    return all(part.is_good for part in parts if part.extra == extra)


def _extra(name: str, setting: str) -> Finding:
    return Finding(FAULT, "software", f"needs the extra {name}", setting, f"pip install '{PACKAGE}[{name}]'")

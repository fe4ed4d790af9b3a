"""What the value of a setting is: its word in a synopsis, and what a shell may offer in its place."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.python import usage


@dataclass(frozen=True, slots=True)
class Kind:
    """``name``: PORT in ``--port=PORT``.  A shell offers ``words``, files by a glob, folders, or hosts.

    ``many``: it is a list of such words, with commas between.
    """

    name: str
    words: tuple[str, ...] = ()
    many: bool = False
    files: str = ""
    folders: bool = False
    hosts: bool = False

    def completer(self) -> usage.Completer:
        """Return the same in Twisted's words, for twistd's own completion in zsh."""
        told = {"descr": self.name.lower()}
        if self.words and self.many:
            return usage.CompleteMultiList(list(self.words), **told)
        if self.words:
            return usage.CompleteList(list(self.words), **told)
        if self.files:
            return usage.CompleteFiles(self.files, **told)
        if self.folders:
            return usage.CompleteDirs(**told)
        return usage.CompleteHostnames(**told) if self.hosts else usage.Completer(**told)


def one_of(name: str, *words: str) -> Kind:
    """Return the kind of a value that is one of a few words."""
    return Kind(name, words=words)


def some_of(name: str, *words: str) -> Kind:
    """Return the kind of a value that is a list of such words, with commas between."""
    return Kind(name, words=words, many=True)


FILE = Kind("FILE", files="*")
TOML = Kind("FILE", files="*.toml")
PEM = Kind("FILE", files="*.pem")
FOLDER = Kind("FOLDER", folders=True)
HOST = Kind("HOST", hosts=True)
ADDRESS = Kind("ADDRESS")
BYTES = Kind("BYTES")
COMMAND = Kind("COMMAND")
DAYS = Kind("DAYS")
LANGUAGE = Kind("LANGUAGE")
MOMENT = Kind("TIME")
NAME = Kind("NAME")
NETWORK = Kind("NETWORK")
NUMBER = Kind("NUMBER")
PATH = Kind("PATH")
PORT = Kind("PORT")
PORTS = Kind("PORTS")
PROBABILITY = Kind("P")
RATE = Kind("RATE")
REGEX = Kind("REGEX")
RULE = Kind("RULE")
SECONDS = Kind("SECONDS")
SERVER = Kind("SERVER")
TEXT = Kind("TEXT")
URL = Kind("URL")
CALL = Kind("DELAY[:TEXT]")
FIELD = Kind("NAME=VALUE")
HEADER = Kind("FIELD")
HOST_GLOB = Kind("HOST")
LIST = Kind("LANG=FILE")
MAIL = Kind("ADDRESS")
METHOD = Kind("METHOD")
NAMES = Kind("NAMES")
PAGE = Kind("PATH=TEXT")
PAGE_FILE = Kind("PATH=FILE")
STATUSES = Kind("STATUS")

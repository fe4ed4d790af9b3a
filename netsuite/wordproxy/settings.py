"""What a wordproxy is told: its command line, and what that comes to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from netsuite.credentials import expanded
from netsuite.listen import clashes
from netsuite.manual.kind import (
    BYTES,
    DAYS,
    FILE,
    FOLDER,
    HOST_GLOB,
    LANGUAGE,
    LIST,
    NUMBER,
    PORT,
    SECONDS,
    Kind,
    one_of,
)
from netsuite.proxy import settings as proxy
from netsuite.values import Where
from netsuite.wordproxy import place
from netsuite.wordproxy.bring import known
from netsuite.wordproxy.copying import host_pattern
from netsuite.wordproxy.handing import FeedSettings
from netsuite.wordproxy.intercept.authority import SCOPES
from netsuite.wordproxy.intercept.hosts import Hosts, built_in, faults, parse_host
from netsuite.wordproxy.intercept.settings import InterceptSettings, never_list
from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.redisurl import is_redis, parse_place
from netsuite.words import language, stopwords

#: Settings that hold from the start to the end: of the store, of the counter, of what is shown.
FIXED = frozenset(("known", "store", "feed", "stop_lists", "stop_words", "paused", "token"))

#: What is done with a page that had not changed (304).
REVISITS = ("ignore", "count")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a wordproxy is told.  ``stop_lists``: (language, file); ``keep_days``: addresses are kept."""

    proxy: proxy.Settings
    report: Where
    store: str
    keep_days: int
    stop_lists: tuple[tuple[str, str], ...]
    stop_words: bool
    known: tuple[tuple[str, str], ...]
    ignore_hosts: tuple[str, ...]
    only_hosts: tuple[str, ...]
    count_no_store: bool
    revisits: bool
    profiles: bool
    paused: bool
    token: str | None
    intercept: InterceptSettings
    feed: FeedSettings


class Options(proxy.Options):
    """The command line of ``twistd wordproxy``."""

    table = "wordproxy"
    longdesc = (
        "A proxy that counts the words of the pages that are read through it, and reports them on a web "
        "page: by language, site, day, with the sentences they stood in."
    )
    examples = """Examples:
  twistd -n wordproxy
      proxy 127.0.0.1:8001, report http://127.0.0.1:8000/
  twistd -n wordproxy -s :memory:           leaves nothing on disk
  twistd -n wordproxy --only-host '*.example.org' -k 30
  curl -x 127.0.0.1:8001 http://www.example.org/"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["report", "r", "8000", "Port on 127.0.0.1, or an endpoint, of the report."],
        ["store", "s", None, "File of the store, :memory:, or redis://… (words.db in the state folder)."],
        ["keep", "k", "90", "Days that addresses and titles of pages are kept; 0 keeps totals only."],
        ["ca-dir", None, None, "Folder of the authority for --intercept (beside the store)."],
        ["ca-scope", None, "listed", "What the authority may sign: listed hosts, or any (but never-hosts)."],
        ["token", None, None, "File of the report's token (beside the store; made, 0600)."],
        ["revisits", None, "ignore", "Pages that had not changed (304): ignore, or count them again."],
        ["spool", None, "256MiB", "Bytes on disk for batches that a Redis can't take; 0: none."],
        ["lang-default", None, "und", "Language of pages that don't tell theirs."],
        ["max-text", None, "8MiB", "Largest page that is counted, in bytes of its text."],
        ["max-ratio", None, "200", "Largest page once decoded, as a multiple of what came, past 1 MiB."],
        ["page-seconds", None, "10", "Seconds that counting a page may take."],
        ["counter-memory", None, "1GiB", "Address space of the counter process."],
        ["waiting-bytes", None, "64MiB", "Pages that wait to be counted, in bytes."],
        ["waiting-pages", None, "10000", "Pages that wait to be counted."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["no-ignore-words", None, "Show frequent small words too."],
        ["count-no-store", None, "Count pages that ask not to be stored."],
        ["profiles", None, "Count each user of --htpasswd apart."],
        ["intercept-everything", None, "Let --intercept '*' open every host but the never-hosts."],
        ["paused", None, "Start paused; SIGUSR2 goes on."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["ignore-words", "w", "Own stop list of a language, LANG=FILE"],
        ["known", "K", "List of known words, LANG=FILE; levels that were chosen later stay"],
        ["ignore-host", None, "Host whose pages are not counted, * allowed"],
        ["intercept", "i", "Host whose TLS is opened to count its pages, *.HOST for all below it"],
        ["never-intercept", None, "File of more hosts that are never opened; !HOST takes one away"],
        ["only-host", None, "Count pages of such hosts only, * allowed"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "report": PORT,
        "store": FILE,
        "keep": DAYS,
        "ca-dir": FOLDER,
        "ca-scope": one_of("SCOPE", "listed", "any"),
        "token": FILE,
        "revisits": one_of("HOW", *REVISITS),
        "spool": BYTES,
        "lang-default": LANGUAGE,
        "max-text": BYTES,
        "max-ratio": NUMBER,
        "page-seconds": SECONDS,
        "counter-memory": BYTES,
        "waiting-bytes": BYTES,
        "waiting-pages": NUMBER,
        "ignore-words": LIST,
        "known": LIST,
        "ignore-host": HOST_GLOB,
        "intercept": HOST_GLOB,
        "never-intercept": FILE,
        "only-host": HOST_GLOB,
    }

    def read(self) -> Settings:
        """Return the settings."""
        told, report = self.proxy_settings(), self.where("report")
        if report.public and not (self["allow-client"] or self["allow-public"]):
            self.fault(
                "report",
                f"{report.text} is reached from other machines; add --allow-client NETWORK or --allow-public",
            )
        if told.hooks is not None:
            self.fault("hooks", "is for proxy only: wordproxy's are its own")
        self.faults += clashes([("--port", told.port), ("--report", report)])
        if self["profiles"] and told.htpasswd is None:
            self.fault("profiles", "needs --htpasswd: without it nobody logs in")
        if self["revisits"] not in REVISITS:
            self.fault("revisits", f"is one of {', '.join(REVISITS)}")
        store, max_text, keep_days = self._store(), self.size("max-text"), self.number("keep", 0, 36500)
        spool, spool_bytes = self._spool(store)
        lang = language.of(str(self["lang-default"]), None, "", default="")
        if not lang and self["lang-default"] != "und":
            self.fault("lang-default", "is no language tag; write en or zh")
        return Settings(
            proxy=told,
            report=report,
            store=store,
            keep_days=keep_days,
            stop_lists=self.take_all("ignore-words", self._stop_list),
            stop_words=not self["no-ignore-words"],
            known=self.take_all("known", self._known),
            ignore_hosts=self.take_all("ignore-host", host_pattern),
            only_hosts=self.take_all("only-host", host_pattern),
            count_no_store=bool(self["count-no-store"]),
            revisits=self["revisits"] == REVISITS[1],
            profiles=bool(self["profiles"]),
            paused=bool(self["paused"]),
            token=self._token(store),
            intercept=self._intercept(store),
            feed=FeedSettings(
                store=store,
                max_text=max_text,
                max_ratio=self.number("max-ratio", 2, 100_000),
                page_seconds=max(0.1, self.seconds("page-seconds")),
                counter_memory=max(256 << 20, self.size("counter-memory")),
                waiting_bytes=self.size("waiting-bytes"),
                waiting_pages=self.number("waiting-pages", 1, 1_000_000),
                default_lang=lang or "und",
                spool=spool,
                spool_name=spool and parse_place(store).shown,
                spool_bytes=spool_bytes,
                keep_days=keep_days,
            ),
        )

    def _store(self) -> str:
        if self["store"] == place.MEMORY:
            return place.MEMORY
        if self["store"] is not None and is_redis(self["store"]):
            return self._redis(self["store"])
        if self["store"] is not None:
            return str(self.path("store"))
        try:
            return os.path.join(place.state_folder(os.environ), "words.db")
        except ValueError as error:
            self.fault("store", str(error))
            return place.MEMORY

    def _spool(self, store: str) -> tuple[str, int]:
        """The folder of spools, "" for none, and the bytes that they may have."""
        size = self.size("spool")
        if not size or not is_redis(store) or self.faults:
            return "", 0
        try:
            return os.path.join(place.state_folder(os.environ), "spool"), size
        except ValueError:
            self.fault("spool", "has no home folder to be kept in; set XDG_STATE_HOME, or --spool 0")
            return "", 0

    def _token(self, store: str) -> str | None:
        if self["token"] is not None:
            return str(self.path("token"))
        return None if store == place.MEMORY or is_redis(store) else f"{store}.token"

    def _intercept(self, store: str) -> InterceptSettings:
        listed = self.take_all("intercept", parse_host)
        paths = self.take_all("never-intercept", lambda text: self.path_of("never-intercept", text))
        try:
            never = never_list(paths)
        except (OSError, ValueError) as error:
            self.fault("never-intercept", str(error))
            never = built_in()
        everything = bool(self["intercept-everything"])
        for told in faults(listed, never, everything=everything):
            self.fault("intercept", told)
        if self["ca-scope"] not in SCOPES:
            self.fault("ca-scope", f"is one of {', '.join(SCOPES)}")
        folder = ""
        if self["ca-dir"] is not None:
            folder = str(self.path("ca-dir"))
        elif store != place.MEMORY and not is_redis(store):
            folder = os.path.join(os.path.dirname(store), "ca")
        elif listed:
            self.fault("ca-dir", "must say where the authority lies: the store is no file")
        return InterceptSettings(Hosts(listed, never), folder, self["ca-scope"])

    def _redis(self, text: str) -> str:
        try:
            text = expanded(text, os.environ)
            parse_place(text)
        except (StoreFault, ValueError) as error:
            self.fault("store", str(error))
        if self.origins.get("store") == "command line" and urlsplit(text).password is not None:
            self.fault("store", "other users of this machine can read a password here; use ?password-file=")
        return text

    def _known(self, text: str) -> tuple[str, str]:
        tag, equals, path = text.partition("=")
        lang = language.primary(tag)
        if not equals or lang is None:
            raise ValueError("is no list of known words; write en=FILE")
        path = self.path_of("known", path)
        try:
            known.read(path, lang)
        except (OSError, known.ListFault) as error:
            raise ValueError(f"cannot be read: {error}") from error
        return lang, path

    def _stop_list(self, text: str) -> tuple[str, str]:
        lang, equals, path = text.partition("=")
        if not equals or not lang.isalpha():
            raise ValueError("is no stop list; write en=FILE")
        path = os.path.abspath(os.path.expanduser(path))
        try:
            stopwords.load({lang: path})
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot be read: {error}") from error
        return lang.lower(), path

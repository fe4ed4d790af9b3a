"""The command line of ``twistd formsite``, and what comes of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from netsuite import options
from netsuite.access import read_users
from netsuite.formsite import form as forms
from netsuite.formsite import mail, webhook
from netsuite.formsite.form import Form
from netsuite.formsite.mail import Server
from netsuite.formsite.posting import ANYWHERE, Terms
from netsuite.formsite.spam import Rules
from netsuite.formsite.store import MEMORY
from netsuite.formsite.uploads import Limits
from netsuite.manual.kind import (
    BYTES,
    DAYS,
    FILE,
    FOLDER,
    MAIL,
    NAME,
    NETWORK,
    NUMBER,
    PORT,
    SECONDS,
    SERVER,
    TEXT,
    TOML,
    URL,
    Kind,
    one_of,
)
from netsuite.options import Common
from netsuite.site.posted import Bounds
from netsuite.statefolder import state_folder
from netsuite.values import Network, Where

#: Longest password or other secret that is read from a file.
SECRET_MAX = 1024

_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_END = re.compile(r"[a-z0-9]{1,10}")

#: What a reload does not change.
FIXED = ("store", "max_store", "webhook", "webhook_secret", "mail_to", "mail_from", "server", "uploads")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a form site is told.  ``store``: a file's path, or ``:memory:``."""

    common: Common
    port: Where
    store: str
    max_store: int
    terms: Terms
    keep_days: int
    htpasswd: str | None
    uploads: str | None
    webhook: str = ""
    webhook_secret: str = ""
    mail_to: str = ""
    mail_from: str = ""
    server: Server | None = None
    allow_private: bool = False
    allow_nets: tuple[Network, ...] = ()
    head_seconds: float = 15.0
    body_seconds: float = 300.0


class Options(options.Options):
    """The command line of ``twistd formsite``."""

    table = "formsite"
    longdesc = (
        "Serve a form, keep every answer on the disk before it is thanked for, and show them in an inbox."
    )
    REMEDY = "--htpasswd FILE for the inbox, --allow-client NETWORK or --allow-public"
    examples = """Examples:
  twistd -n formsite
      a form on http://localhost:8000/, answers in /inbox
  twistd -n formsite --form signup.toml -s signup.db
      a form of your own, its answers in signup.db
  twistd -n formsite --allow-origin https://www.example.org
      forms of that site may post to /posthandler
  twistd -n formsite -p tcp:80:interface=0.0.0.0 -A users \\
      --host forms.example.org
      for everybody; the inbox for the users in a file"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "8000", "Port on 127.0.0.1, or an endpoint."],
        ["store", "s", None, "File that answers are kept in, or :memory: (forms.db in the state folder)."],
        ["max-store", None, "4GiB", "Most bytes of the store's file; past it 507."],
        ["form", None, None, "TOML file with the form's fields (the tutorial's form)."],
        ["method", "m", "POST", "How the form is sent, POST or GET."],
        ["keep", "k", "365", "Days that answers are kept; 0 is for ever."],
        ["htpasswd", "A", None, "File of those who may read the inbox (this machine alone)."],
        ["honeypot", None, "_gotcha", "Name of a hidden field that only programs fill in; - is none."],
        ["min-seconds", None, "2", "Who fills the form in faster is flagged."],
        ["max-links", None, "5", "An answer with more links is flagged; 0 is any number."],
        [
            "rate",
            None,
            "60",
            "Answers of one client in a minute past which they are flagged; 0 is any number.",
        ],
        ["max-body", None, "256KiB", "Most bytes of text in one post."],
        ["max-fields", None, "200", "Most fields in one post."],
        ["head-time", None, "15", "Seconds in which a request's head has to come."],
        ["body-time", None, "300", "Seconds in which a request's body has to come."],
        ["uploads", None, None, "Folder for files that come with answers (none are taken)."],
        ["max-files", None, "5", "Most files in one post."],
        ["max-upload", None, "4MiB", "Most bytes of each file."],
        ["webhook", None, None, "Web address that is told of each answer."],
        ["webhook-secret", None, None, "File with the webhook's secret, made if need be (beside the store)."],
        ["mail", None, None, "Mail address that is told of each answer."],
        ["mail-from", None, None, "Mail address that such mail comes from (that of --mail)."],
        ["smtp", None, "localhost:25", "Mail server: host:port, or tls:host:port."],
        ["smtp-user", None, None, "Name at the mail server."],
        ["smtp-password", None, None, "File with the password of --smtp-user."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["allow-private", None, "The webhook may be in a private network."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        [
            "allow-origin",
            None,
            "Site whose pages may post here, as https://www.example.org; * is any, and none",
        ],
        ["allow-net", None, "Network that the webhook may be in"],
        ["upload-type", None, "End of the names of files that are taken, such as pdf (any)"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "port": PORT,
        "store": FILE,
        "max-store": BYTES,
        "form": TOML,
        "method": one_of("METHOD", "POST", "GET"),
        "keep": DAYS,
        "htpasswd": FILE,
        "honeypot": NAME,
        "min-seconds": SECONDS,
        "max-links": NUMBER,
        "rate": NUMBER,
        "max-body": BYTES,
        "max-fields": NUMBER,
        "head-time": SECONDS,
        "body-time": SECONDS,
        "uploads": FOLDER,
        "max-files": NUMBER,
        "max-upload": BYTES,
        "webhook": URL,
        "webhook-secret": FILE,
        "mail": MAIL,
        "mail-from": MAIL,
        "smtp": SERVER,
        "smtp-user": NAME,
        "smtp-password": FILE,
        "allow-origin": URL,
        "allow-net": NETWORK,
        "upload-type": TEXT,
    }

    def read(self) -> Settings:
        """Return the settings."""
        where, store = self.where("port"), self._store()
        htpasswd = self.file("htpasswd", read_users)
        self.restrict("port", where, htpasswd)
        hook = str(self["webhook"] or "")
        if hook:
            self.take("webhook", webhook.place_of, None)
        mail_to = self.take("mail", mail.parse_address, "") if self["mail"] else ""
        mail_from = self.take("mail-from", mail.parse_address, "") if self["mail-from"] else mail_to
        return Settings(
            common=self.common(),
            port=where,
            store=store,
            max_store=self.size("max-store"),
            terms=self._terms(),
            keep_days=self.number("keep", 0, 100_000),
            htpasswd=htpasswd,
            uploads=self.path("uploads"),
            webhook=hook,
            webhook_secret=self._webhook_secret(store) if hook else "",
            mail_to=mail_to,
            mail_from=mail_from,
            server=self._server() if mail_to else None,
            allow_private=bool(self["allow-private"]),
            allow_nets=self.networks("allow-net"),
            head_seconds=self.seconds("head-time"),
            body_seconds=self.seconds("body-time"),
        )

    def _terms(self) -> Terms:
        method = str(self["method"]).upper()
        if method not in ("POST", "GET"):
            self.fault("method", "is POST or GET")
        honeypot = str(self["honeypot"])
        bounds = Bounds(self.number("max-fields", 1, 100_000), self.size("max-body"))
        files: Limits | None = Limits(
            self.number("max-files", 1, 100),
            self.size("max-upload"),
            self.take_all("upload-type", _end),
        )
        if not self["uploads"]:
            files = None
        if files is not None:
            bounds = Bounds(bounds.fields, bounds.text, files.most)
        return Terms(
            form=self._form(),
            method=method,
            origins=self.take_all("allow-origin", _origin),
            rules=Rules(
                honeypot="" if honeypot == "-" else honeypot,
                min_seconds=self.seconds("min-seconds"),
                max_links=self.number("max-links"),
                rate=self.number("rate"),
            ),
            bounds=bounds,
            files=files,
        )

    def _store(self) -> str:
        if self["store"] == MEMORY:
            return MEMORY
        if self["store"] is not None:
            return str(self.path("store"))
        try:
            return os.path.join(state_folder(os.environ), "forms.db")
        except ValueError as error:
            self.fault("store", str(error))
            return MEMORY

    def _form(self) -> Form | None:
        path = self.path("form")
        if path is None:
            return None
        try:
            return forms.read(path)
        except OSError as error:
            self.fault("form", f"{path}: {error.strerror}")
        except ValueError as error:
            self.fault("form", str(error))
        return None

    def _webhook_secret(self, store: str) -> str:
        if self["webhook-secret"]:
            return str(self.path("webhook-secret"))
        if store == MEMORY:
            self.fault("webhook-secret", "is needed where nothing is kept in a file")
        return f"{store}.webhook"

    def _server(self) -> Server | None:
        parsed = self.take("smtp", mail.parse_server, None)
        if parsed is None:
            return None
        user, path, password = str(self["smtp-user"] or ""), self.path("smtp-password"), ""
        if bool(user) != bool(path):
            self.fault("smtp-user", "needs --smtp-password, and the other way round")
        if path is not None:
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    password = file.read(SECRET_MAX).rstrip("\r\n")
            except OSError as error:
                self.fault("smtp-password", f"{path}: {error.strerror}")
        return Server(parsed[0], parsed[1], user, password)


def _origin(text: str) -> str:
    """An origin as browsers send it.  Raises: ValueError."""
    origin = text.rstrip("/").lower()
    if text != ANYWHERE and not _ORIGIN.fullmatch(origin):
        raise ValueError("is no origin; write https://www.example.org, without a path, or *")
    return origin


def _end(text: str) -> str:
    end = text.lower().removeprefix(".")
    if not _END.fullmatch(end):
        raise ValueError("is no end of a file's name; write pdf")
    return end

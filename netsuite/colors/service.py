"""Colors: a page for each colour, made for reading and linking, as a service of twistd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from twisted.application import service
from twisted.internet import defer

from netsuite import journal, options
from netsuite.colors.palettes import Palettes
from netsuite.colors.seen import Seen
from netsuite.colors.views import Colours, Desk, chips
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.descriptors import fitted
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.manual.kind import FILE, NUMBER, PORT, Kind
from netsuite.options import Common
from netsuite.site.admin import AdminService
from netsuite.site.bounds import BOUNDS_KINDS, BOUNDS_OPTIONS, Bounds, read_bounds
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import Numbers, Site, make_site
from netsuite.site.token import Token
from netsuite.site.tongue import said
from netsuite.values import Where
from netsuite.visits import Visits

#: Most colours in everybody's list that may be asked for.
SEEN_MAX = 1000

#: Longest style sheet that --styles takes.
STYLES_MAX = 256 * 1024

#: Seconds that answers under way get when the service stops.
DRAIN_SECONDS = 5.0

#: What /styles.css is, as the tutorial lists it.
TUTORIAL_STYLES = b"""body {
  font-family: Georgia, Times, serif;
  font-size: 11pt;
}

h1 {
  margin: 10px 0;
  padding: 5px;
  background-color: black;
  color: white;
}

a {
  font-family: monospace;
}

p {
  padding: 10px;
}
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service is told."""

    common: Common
    port: Where
    bounds: Bounds
    seen: int
    listed: bool
    private: bool
    styles: str | None


class Options(options.Options):
    """The command line of ``twistd colors``."""

    table = "colors"
    longdesc = (
        "Serve a page for each color, with names, notations, contrast and schemes, and for palettes of them."
    )
    examples = """Examples:
  twistd -n colors                  on 127.0.0.1, port 8000
  twistd -n colors --no-list        nothing of what is viewed is kept
  twistd -n colors --private
      each visitor has a list of their own, in their browser
  curl 'http://localhost:8000/color/777777.json?on=ffffff'
  curl http://localhost:8000/palette/264653-2a9d8f-e9c46a.gpl"""

    optParameters: ClassVar[list[list[Any]]] = [
        *BOUNDS_OPTIONS,
        ["port", "p", "8000", "Port on 127.0.0.1, or an endpoint."],
        ["seen", None, "500", f"Most colours in the list of those viewed, up to {SEEN_MAX}."],
        ["styles", None, None, "Style sheet of yours, served as /styles.css and linked by each page."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["no-list", None, "Keep no list of colours viewed."],
        ["private", None, "A list for each visitor, kept by their browser."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        **BOUNDS_KINDS,
        "port": PORT,
        "seen": NUMBER,
        "styles": FILE,
    }

    def read(self) -> Settings:
        """Return the settings."""
        where = self.where("port")
        self.restrict("port", where)
        if self["no-list"] and self["private"]:
            self.fault("private", "there is no list with --no-list")
        return Settings(
            self.common(),
            where,
            read_bounds(self),
            self.number("seen", 1, SEEN_MAX),
            not self["no-list"],
            bool(self["private"]),
            self.path("styles"),
        )


def make_colors(
    settings: Settings, *, crowd: Crowd | None, visits: Visits | None, reactor: Any
) -> tuple[Site, Desk]:
    """The site to listen with, and its desk, whose style sheet may be exchanged.  Nothing is open yet."""
    nav = [
        ("/", said("colors.nav_home")),
        ("/color/", said("colors.viewer")),
        ("/palette/", said("colors.palettes")),
    ]
    frame, judge = Frame("colors", nav), Token(reactor.seconds)
    desk = Desk(frame, judge, TUTORIAL_STYLES, own_styles=False)
    colours = Colours(desk, Seen(settings.seen) if settings.listed else None, private=settings.private)
    palettes = Palettes(desk)
    routes = Routes(
        frame,
        {
            "/": desk.home,
            "/color": colours.to_index,
            "/colors": colours.to_index,
            "/color/": colours.index,
            "/colors/": colours.index,
            "/palette": palettes.to_index,
            "/palette/": palettes.index,
            "/styles.css": desk.sheet,
            "/css/styles.css": desk.sheet,
        },
        {
            "/color/": colours.colour,
            "/colors/": colours.colour,
            "/palette/": palettes.palette,
            "/chips/": chips,
        },
        posts={"/color/": Post(colours.change)},
        judge=judge,
    )
    site = make_site(
        routes,
        frame,
        hosts=settings.common.hosts,
        bounds=settings.bounds,
        crowd=crowd,
        log=visits.visit if visits is not None and not visits.is_off else None,
        reactor=reactor,
    )
    return site, desk


def read_styles(path: str) -> bytes:
    """The user's style sheet.  Raises: OSError, ValueError."""
    with open(path, "rb") as file:
        styles = file.read(STYLES_MAX + 1)
    if len(styles) > STYLES_MAX:
        raise ValueError(f"{path} is longer than {STYLES_MAX} bytes")
    return styles


class ColorsService(service.MultiService):
    """Listens while it runs."""

    def __init__(self, told: Options, reactor: Any) -> None:
        super().__init__()
        self._options, self._settings = told, told.settings
        self._terminal = terminal = Terminal()
        common = fitted(self._settings.common, each=1)
        self._crowd = Crowd(reactor, common)
        self._visits = Visits(
            common.access_log,
            soon=partial(reactor.callLater, 0),
            rotation=common.log_rotation,
            service="colors",
        )
        self.site, self._desk = make_colors(
            self._settings, crowd=self._crowd, visits=self._visits, reactor=reactor
        )
        self._listening = Listening(
            self._settings.port,
            self.site,
            owner="colors",
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )
        admin = AdminService(
            common,
            name="colors",
            status=dict,
            collectors=(Numbers(self.site),),
            crowds={"port": self._crowd},
            listeners=lambda: [self._listening],
            terminal=terminal,
            reactor=reactor,
        )
        life = Life(
            reactor, terminal, on_prepare=self.prepare_reload, on_reopen=self._reopen, reloads=admin.reloads
        )
        for part in (life, self._listening, admin):
            part.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Bind, and read what is read once.  Raises: Refused."""
        super().privilegedStartService()
        try:
            self._visits.open()
            self._with_styles(self._settings)()
        except (OSError, ValueError) as error:
            raise self._terminal.refuse(f"cannot start colors: {error}") from None

    def _with_styles(self, settings: Settings) -> Callable[[], None]:
        """What puts the settings' style sheet in force.  Raises: OSError, ValueError."""
        styles = TUTORIAL_STYLES if settings.styles is None else read_styles(settings.styles)

        def apply() -> None:
            self._desk.styles, self._desk.own_styles = styles, settings.styles is not None

        return apply

    def _reopen(self) -> None:
        try:
            self._visits.open()
        except OSError as error:
            journal.log_lost(where=self._settings.common.access_log, text=str(error))

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        settings: Settings = self._options.again()
        dress, move = self._with_styles(settings), self._listening.prepare(settings.port)

        def apply() -> None:
            dress()
            move()
            self._crowd.limit(fitted(settings.common, each=1))
            self.site.answer_to(settings.common.hosts, settings.common.idle_seconds)
            journal.reloaded(text="style sheet, names, port, bounds of connections")

        return apply

    def startService(self) -> None:
        """Say where it is."""
        super().startService()
        self._crowd.start()
        scheme = self._settings.port.scheme
        places = ", ".join(f"{scheme}://{authority(*address)}/" for address in self._listening.addresses())
        journal.service_ready(service="colors", summary=places)

    def stopService(self) -> defer.Deferred[Any]:
        """Fires when the last connection is gone."""
        stopped = defer.maybeDeferred(super().stopService)
        drained = defer.Deferred.fromCoroutine(self._crowd.drain(DRAIN_SECONDS))
        return defer.gatherResults([stopped, drained]).addBoth(self._closed)

    def _closed(self, result: Any) -> Any:
        self._visits.close()
        return result


def makeService(told: Options) -> service.IService:
    """Return the colors service of these options; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return ColorsService(told, reactor)

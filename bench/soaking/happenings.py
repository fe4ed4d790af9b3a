"""What befalls the suite in use: reloads, rotations, pauses, kills, restarts, another certificate."""

from __future__ import annotations

import os
import random
import signal
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping

from bench.soaking.calls import FAULTS, Pace, check
from bench.soaking.place import BAD, START_SECONDS, Place
from bench.soaking.visits import Colors, asked
from tests.real.exactness import Kill, Pause
from tests.real.parts import until
from tests.real.tlsorigin import der

#: Seconds for which counting is paused.
PAUSE_SECONDS = 3.0

#: Something that may be logged however often.
ALWAYS = 1_000_000

#: What ends the suite's process; and the counter's.
ENDS, COUNTER_ENDS = ("term", "kill"), ("counter",)


def plan(minutes: float, rng: random.Random) -> list[tuple[float, str]]:
    """What happens when, in seconds from the start.

    The first two fifths are rough: everything happens in every round.  From then on no process of the suite
    ends, and from the middle on no counter either, so that there are long lives whose memory can be judged.
    """
    whole = minutes * 60
    gentle = ["reload", "bad", "rotate", "pause", "swap"]
    found: list[tuple[float, str]] = []

    def rounds(first: float, last: float, number: int, names: list[str]) -> None:
        span = (last - first) / number
        for one in range(number):
            order = rng.sample(names, len(names))
            found.extend((first + one * span + at * span / len(order), name) for at, name in enumerate(order))

    rounds(0.05 * whole, 0.4 * whole, max(1, round(minutes / 8)), [*gentle, *COUNTER_ENDS, *ENDS])
    rounds(0.4 * whole, 0.5 * whole, max(1, round(minutes / 20)), [*gentle, *COUNTER_ENDS])
    rounds(0.5 * whole, 0.95 * whole, max(1, round(minutes / 6)), gentle)
    return found


class Happenings:
    """Lets things happen.  ``faults``: what did not come of them as it should.

    ``excuses``: which pages that were delivered need not be counted.  ``due``: what the log may complain of.
    """

    def __init__(self, place: Place, pace: Pace, colors: Colors) -> None:
        self._place, self._pace, self._colors = place, pace, colors
        self.excuses: list[Kill | Pause] = []
        # The first start makes an authority; root is warned of itself at each.
        self.due = Counter({"intercept.renewed": 1, "service.root": 0 if os.geteuid() else ALWAYS})
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self._deeds: Mapping[str, Callable[[], None]] = {
            "reload": self._reload,
            "bad": self._bad,
            "rotate": self._rotate,
            "pause": self._pause,
            "swap": self._swap,
            "counter": self._counter,
            "term": self._term,
            "kill": self._kill,
        }

    def happen(self, name: str) -> None:
        """It has happened."""
        self.done[name] += 1
        try:
            self._deeds[name]()
        except FAULTS as error:
            self.faults.append(f"{name} {self.done[name]}: {error}")

    def _version(self) -> str:
        return asked(self._place.ports["pages"], "/version")[1].decode()

    def _reload(self) -> None:
        """Other settings are in force with two members."""
        self._place.version += 1
        self._place.deny = ', "host:other.example"' if self._place.version % 2 else ""
        self._place.write()
        self._place.hup()
        until("the new page", lambda: self._version() == str(self._place.version), START_SECONDS)

    def _bad(self) -> None:
        """Files that are no settings change nothing, each with a line that says why."""
        for text, part in BAD.items():
            before = self._place.number("reload.failed")
            self.due["reload.failed"] += 1
            self._place.write(text)
            self._place.hup()
            self._place.wait_event("reload.failed", before)
            said = [
                event["message"] for event in self._place.events() if event.get("event") == "reload.failed"
            ]
            check((part in said[-1], said[-1]), (True, said[-1]))
            check(self._version(), str(self._place.version))
        self._place.write()

    def _rotate(self) -> None:
        """All logs were moved, and are there anew."""
        paths = [self._place.folder / name for name in ("netsuite.log", "pages.log", "proxy.log")]
        for path in paths:
            path.rename(f"{path}.{self.done['rotate']:04}")
        self._place.running.signal(signal.SIGUSR1)
        until("new logs", lambda: all(path.exists() for path in paths), START_SECONDS)

    def _pause(self) -> None:
        """Nothing is counted for some seconds."""
        self._pace.paused.begin()
        began = time.monotonic()
        for is_paused in (True, False):
            self._place.running.signal(signal.SIGUSR2)
            until("it is paused, or no longer", lambda to=is_paused: self._is_paused() is to, START_SECONDS)  # type: ignore[misc]
            if is_paused:
                time.sleep(PAUSE_SECONDS)
        self.excuses.append(Pause(self._place.name, began, time.monotonic() - began))
        self._pace.paused.end()

    def _is_paused(self) -> bool:
        services = {each["name"]: each for each in self._place.status()["services"]}
        return bool(services["wordproxy"]["paused"])

    def _swap(self) -> None:
        """There is another certificate; who was connected stays so."""
        link = self._colors.link()
        try:
            self._colors.color(link)
            self._place.swap()
            self._place.hup()
            until("the new certificate", self._is_swapped, START_SECONDS)
            self._colors.color(link)
        finally:
            link.close()

    def _is_swapped(self) -> bool:
        shown = ssl.get_server_certificate(("127.0.0.1", self._place.ports["colors"]))
        return ssl.PEM_cert_to_DER_cert(shown) == der(self._place.folder / "cert.pem")

    def _counter(self) -> None:
        """The counter was killed, and there is another."""
        self.due["counter.lost"] += 1
        self._pace.paused.begin()
        self._place.kill_counter()
        until("nothing waits", lambda: self._place.waiting == 0, START_SECONDS)
        self._pace.paused.end()

    def _term(self) -> None:
        """A restart: it ended with 0, and is up again."""
        self._pace.down.begin()
        status = self._place.term()
        self._place.up()
        self._pace.down.end()
        check(status, 0)

    def _kill(self) -> None:
        """Killed, and up again on the same state."""
        self._pace.down.begin()
        self.excuses.append(self._place.kill9())
        self._place.up()
        self._pace.down.end()

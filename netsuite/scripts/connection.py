"""connection: connect with a place, say with whom, and close again."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from dataclasses import replace
from typing import Any, NoReturn

from twisted.internet import defer
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python import usage
from twisted.python.failure import Failure

from netsuite.manual import kind
from netsuite.outcome import Outcome
from netsuite.reach.place import Place
from netsuite.scripts.network import NetworkOptions, place_of
from netsuite.scripts.running import start

#: Where the tutorial's example goes.
HOST, PORT = "www.google.com", "80"


class Options(NetworkOptions):
    """The command line of connection."""

    tool = "connection"
    synopsis = "Usage: connection [options] [HOST [PORT]]"
    longdesc = (
        f"Connect with a place ({HOST} {PORT}), say with whom, and close the connection.  "
        "Exit status: 0 connected and closed cleanly, 2 usage, 4 name not found, 5 refused, "
        "6 no answer in time, 7 unreachable, 8 TLS, 9 the other side broke it, 12 local, 130 Ctrl-C."
    )
    examples = """Examples:
  connection localhost 5001
  connection --tls example.org 443
  connection -j ::1 80"""

    operands = (kind.HOST, kind.PORT)

    def __init__(self) -> None:
        super().__init__()
        self.place = Place(HOST, int(PORT))

    def parseArgs(self, *words: str) -> None:
        """Take host and port."""
        if len(words) > 2:
            raise usage.UsageError("Usage: connection.py [host [port]]")
        host, port = [*words, *(HOST, PORT)[len(words) :]]
        self.place = place_of(host, port)
        self.target = self.place.told


class Brief(Protocol):
    """A connection that is closed as soon as it is made; ``ended`` fires with how that went."""

    transport: Any

    def __init__(self) -> None:
        self.ended: defer.Deferred[BaseException | None] = defer.Deferred(
            lambda _: self.transport.abortConnection()
        )

    def connectionMade(self) -> None:
        """Close."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is closed, or broken."""
        if not self.ended.called:
            self.ended.callback(reason.value)


async def main(reactor: Any, options: Options) -> Outcome:
    """Say with whom a connection was made, and how it ended."""
    results = options.results
    reach = options.reach(reactor)
    try:
        brief: Brief = await reach.connect(options.place, Factory.forProtocol(Brief))
    except Exception as error:
        outcome = Outcome.of(error)
        if outcome.cause == "internal":
            raise
        results.add(outcome, options.target)
        results.line(f"Connection failed: {outcome.message}")
        return Outcome(outcome.exit)
    peer = brief.transport.getPeer()
    results.line(f"Connected to {peer.host}.")
    reason = await reach.in_time(brief.ended)
    if reach.secure is not None and isinstance(reason, ConnectionLost):
        reason = ConnectionDone()  # we have said that it ends; few peers answer that (RFC 8446 §6.1)
    outcome = Outcome() if isinstance(reason, ConnectionDone) else Outcome.of(reason)
    result = {"address": peer.host, "port": peer.port, "ended": str(reason)}
    results.add(replace(outcome, result=result), options.target)
    results.line(f"Lost connection: {reason}")
    return Outcome(outcome.exit)


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()

"""Our reactor under Twisted's own tests of reactors, with our connections on its listening ports."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.internet.test import test_core, test_fdset, test_tcp, test_threads, test_time, test_tls
from twisted.trial.unittest import SynchronousTestCase

from netsuite.reactor import DirectReactor
from netsuite.wire import write_directly


class Reactor(DirectReactor):
    """Our reactor; the connections that its ports accept are ours too."""

    def listenTCP(self, *args: Any, **named: Any) -> IListeningPort:
        """Listen."""
        port = super().listenTCP(*args, **named)
        write_directly(port)
        return port


#: What we do otherwise: no logging context around an event, no description of a connection as text, Python's
#: own words for a wrong type; and what Twisted itself skips for its epoll reactor, by that reactor's name.
_OTHERWISE = {
    "test_logPrefix",
    "test_serverAddressTCP4",
    "test_serverAddressTCP6",
    "test_writeSequenceWithUnicodeRaisesException",
    "test_lostFileDescriptor",
}


def _under_ours(builder: Any) -> type[SynchronousTestCase]:
    named = dict(builder.makeTestCaseClasses())
    made: Any = named[f"{builder.__name__}_EPollReactorTests"]

    class Ours(made):  # type: ignore[misc]
        reactorFactory = Reactor

        def getTimeout(self) -> float:
            return 30.0

    for name in _OTHERWISE & set(dir(Ours)):
        setattr(Ours, name, None)
    Ours.__name__ = Ours.__qualname__ = f"{builder.__name__}Ours"
    Ours.__module__ = __name__
    return Ours


for _builder in (
    test_core.SystemEventTestsBuilder,
    test_fdset.ReactorFDSetTestsBuilder,
    test_tcp.AbortConnectionTests,
    test_tcp.TCP4ClientTestsBuilder,
    test_tcp.TCPConnectionTestsBuilder,
    test_tcp.TCPPortTestsBuilder,
    test_tcp.TCPTransportTestsBuilder,
    test_threads.ThreadTestsBuilder,
    test_time.TimeTestsBuilder,
    test_tls.TLSPortTestsBuilder,
    test_tls.StartTLSClientTestsMixin,
):
    _made = _under_ours(_builder)
    globals()[_made.__name__] = _made
del _builder, _made


class ClockTests(SynchronousTestCase):
    """What time is for the reactor."""

    def test_monotonic(self) -> None:
        """Nobody's setting of the wall clock lets a time limit pass."""
        self.assertIs(DirectReactor.seconds, time.monotonic)

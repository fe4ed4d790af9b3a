"""How long the relay stands still when ten thousand of its clients are overdue at once.

Run as ``python -m bench.sweep [CLIENTS]``.  The clients have real protocols and connections in memory, and
each has sent half a head, so that each is answered 408 and closed.  Printed is the longest time between two
turns of the reactor, in milliseconds; 100 would be felt.
"""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

from twisted.internet import task
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogBeginner

from netsuite.life import steady
from netsuite.listen import Terminal
from netsuite.proxy.client import ProxyFactory
from netsuite.proxy.hooks import NoHooks
from netsuite.proxy.service import ProxyService
from netsuite.proxy.settings import Options

#: Seconds to a head, after which all are overdue.
HEADER_SECONDS = 1.0


def main(clients: int) -> None:
    """Print the longest pause."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    steady(reactor)
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    options = Options()
    options.parse(
        [
            "-p",
            "0",
            "--max-clients",
            str(clients),
            "--header-timeout",
            str(HEADER_SECONDS),
            "--access-log",
            "off",
        ]
    )
    service = ProxyService(options.settings, reactor, Terminal(), hooks=NoHooks(), owner="proxy")
    service.relay.crowd.limit(options.settings.common)
    service.startService()
    factory = ProxyFactory(service.relay)
    protocols = [factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)) for _ in range(clients)]
    for protocol in protocols:
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(b"GET http://a.test/ HT")
    turns = [time.monotonic()]
    looking = task.LoopingCall(lambda: turns.append(time.monotonic()))
    looking.start(0, now=False)
    reactor.callLater(HEADER_SECONDS + 3, reactor.stop)
    reactor.run()
    told = sum(b" 408 " in protocol.transport.value() for protocol in protocols)
    longest = max(after - before for before, after in itertools.pairwise(turns))
    print(f"{told} of {clients} clients told; longest pause {longest * 1000:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

"""How many files and connections the system lets us have open, and how many clients that is enough for."""

from __future__ import annotations

import resource
from dataclasses import replace

from netsuite import journal
from netsuite.options import Common

#: Descriptors for all but connections: log, listeners, store, resolver, pipes.
RESERVED = 48

#: And for the pipes of tunnels with bytes on the way, one in sixteen at most.
PIPES = 464

#: Fewest clients that are let in, however few descriptors there are.
CLIENTS_LEAST = 4

#: Highest limit asked for; some systems allow a thousand million, and some libraries close each one by one.
MOST = 1 << 20


def raise_limit() -> int:
    """As many descriptors as the system allows may be open; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else soft


def clients_enough(limit: int, each: int) -> int:
    """Return how many clients so many descriptors are enough for; ``each``: descriptors of one client."""
    reserved = min(RESERVED + min(PIPES, limit // 16), limit // 2)
    return max(CLIENTS_LEAST, (limit - reserved) // each)


def fitted(common: Common, each: int) -> Common:
    """Return the settings with no more clients than descriptors are enough for, and say so where it is fewer.

    ``each``: descriptors of one client.
    """
    limit = raise_limit()
    most = clients_enough(limit, each)
    if most >= common.max_clients:
        return common
    journal.clients_capped(most=most, asked=common.max_clients, descriptors=limit)
    return replace(common, max_clients=most)

"""Clients are let in as far as there are descriptors for them."""

from __future__ import annotations

import resource

from twisted.trial.unittest import SynchronousTestCase

from netsuite import descriptors
from netsuite.descriptors import fitted, raise_limit
from tests.test_crowd import common


class LimitTests(SynchronousTestCase):
    """The system's limit."""

    def limit(self, soft: int, hard: int) -> list[tuple[int, int]]:
        """The system has these limits; return the list of those that are set."""
        wanted: list[tuple[int, int]] = []
        self.patch(resource, "getrlimit", lambda what: (soft, hard))
        self.patch(resource, "setrlimit", lambda what, limits: wanted.append(limits))
        return wanted

    def test_raised(self) -> None:
        """The soft limit is raised to the hard one, and no further than is of use."""
        for soft, hard, will in (
            (1024, 4096, 4096),
            (4096, 4096, 4096),
            (1024, resource.RLIM_INFINITY, descriptors.MOST),
            (resource.RLIM_INFINITY, resource.RLIM_INFINITY, descriptors.MOST),
        ):
            wanted = self.limit(soft, hard)
            self.assertEqual(raise_limit(), will)
            self.assertEqual(wanted, [(will, hard)] if soft not in (will, resource.RLIM_INFINITY) else [])

    def test_fitted(self) -> None:
        """As many clients as asked for where there is room, else as many as there is room for."""
        self.limit(96, 96)
        self.assertEqual(fitted(common(most=1024), 3).max_clients, (96 - descriptors.RESERVED) // 3)
        self.assertEqual(fitted(common(most=5), 3).max_clients, 5)
        self.limit(8, 8)
        self.assertEqual(fitted(common(most=1024), 3).max_clients, descriptors.CLIENTS_LEAST)
        self.limit(1 << 20, 1 << 20)
        self.assertEqual(fitted(common(most=1024), 3).max_clients, 1024)

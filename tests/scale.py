"""How much is tried: a cut for every push, or the whole of it, which ``make nightly`` asks for."""

from __future__ import annotations

import os

#: Whether ``NETSUITE_TEST_SCALE=nightly`` asks for the whole.
NIGHTLY = os.environ.get("NETSUITE_TEST_SCALE") == "nightly"

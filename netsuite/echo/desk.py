"""Faults changed while the service runs: ``GET`` and ``PUT /faults`` of the admin listener.

No token is asked for, as none is for the rest of that listener: it is on loopback, or guarded as it says
there. But no page of another site may ask for it, and only what is said to be JSON is read, which no form
can send.
"""

from __future__ import annotations

import msgspec

from netsuite.echo.faults import CALM
from netsuite.echo.settings import SEED_MAX
from netsuite.echo.shared import Shared
from netsuite.echo.told import BadFault, changed
from netsuite.site.answer import Answer, Asked, Refusal, json_answer
from netsuite.site.token import is_from_here
from netsuite.site.tongue import said


class Desk:
    """The two views of a service's faults."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def shown(self, asked: Asked) -> Answer:
        """``GET``: what holds now, each knob by its option's name, null where it is off."""
        return json_answer(self._shared.told())

    async def replaced(self, asked: Asked) -> Answer:
        """``PUT``: what is told holds from the next line on; what isn't told is off.  400 names the field."""
        if not is_from_here(asked):
            raise Refusal(403, said("refusal.elsewhere"))
        try:
            told = msgspec.json.decode(asked.body, type=dict[str, str | int | float | None])
            seed = _seed(told.pop("seed", None))
            faults = changed(CALM, told.items())
        except BadFault as bad:
            return _bad(bad.field, str(bad))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return _bad("", f"no JSON object of faults: {error}")
        self._shared.change(faults, seed, by=asked.client)
        return json_answer(self._shared.told())


def _seed(told: object) -> int | None:
    if told is None:
        return None
    if not isinstance(told, int) or not 0 <= told <= SEED_MAX:
        raise BadFault("seed", f"is no whole number from 0 to {SEED_MAX}")
    return told


def _bad(field: str, message: str) -> Answer:
    return json_answer({"error": {"status": 400, "field": field, "message": message}}, 400)

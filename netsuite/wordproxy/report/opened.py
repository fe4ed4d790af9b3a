"""Interception as the report shows it: the authority to install, and to remove again, and hosts given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netsuite.site.answer import HTML, NO_STORE, Answer, Asked, Refusal
from netsuite.site.tongue import said
from netsuite.wordproxy.report import desk, query
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.views import no_list
from netsuite.wordproxy.store.contract import Store

#: What browsers and systems open in their certificate importer.
KIND = "application/x-x509-ca-cert"

#: The file that is offered.
FILE = "netsuite-wordproxy-ca.crt"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is opened: ``hosts`` as the authority may sign them; ``fingerprint``: SHA-256 of its certificate.

    ``name`` is the authority's own; ``pinned`` are hosts that go untouched because a client refused us.
    """

    hosts: Sequence[str]
    name: str
    fingerprint: str
    pem: bytes
    pinned: Callable[[], Sequence[str]]
    unpin: Callable[[str | None], object]


class Opening:
    """The views of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, asked: Asked) -> Answer:
        """``/interception``: what is opened, and how to install and remove the authority."""
        query.nothing(desk.pairs(asked))
        about = self._desk.about()
        opened = about.opened()
        values = {"about": about, "opened": opened, "file": FILE, "pinned": opened.pinned() if opened else ()}

        def read(store: Store) -> Found:
            return Found(no_list(store), values)

        return await self._desk.answer(asked, "interception.html", read)

    async def certificate(self, asked: Asked) -> Answer:
        """``/ca.crt``: the authority's certificate; who fetches it may be about to make clients trust it."""
        query.nothing(asked.args)
        opened = self._desk.about().opened()
        if opened is None:
            raise Refusal(404, said("intercept.off"))
        return Answer(
            opened.pem, KIND, 200, (NO_STORE, ("Content-Disposition", f'attachment; filename="{FILE}"'))
        )

    async def try_again(self, asked: Asked) -> Answer:
        """POST ``/interception``: a host that was given up is opened again, or all of them."""
        opened = self._desk.about().opened()
        if opened is None:
            raise Refusal(404, said("intercept.off"))
        host = dict(asked.form).get("host", "")
        opened.unpin(query.site(host, "host") if host else None)
        return Answer(b"", HTML, 303, (NO_STORE, ("Location", "/interception")))

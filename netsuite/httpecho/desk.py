"""Requests that take longer than a glance, from their head to their answer.

Theory.  An `Errand` begins with a head.  Then its body comes, if it is needed for the answer: always over a
kept connection, else for ``--body`` and JSON alone; in the tutorial's form the answer leaves at once, and
what still comes of the body is remembered while the connection lingers.  Then the time passes that the
answer was ordered for.  Then it is said, in one piece or, if it is long, as the client takes it.  At its
end, however that comes, the errand is in the ring, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from netsuite.crowd import NEVER
from netsuite.http1.head import RequestHead
from netsuite.httpecho import telling
from netsuite.httpecho.answering import refused, replied
from netsuite.httpecho.errand import Errand, first_line
from netsuite.httpecho.hall import HELD_MAX, Hall
from netsuite.httpecho.orders import PLAIN, BadOrder, ordered
from netsuite.httpecho.payload import Payload
from netsuite.httpecho.pouring import Pouring
from netsuite.httpecho.seat import Seat
from netsuite.tlspeer import tls_peer

#: Bytes of a request that the log is told of, at most.
LOGGED_MAX = 64 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Desk:
    """Takes errands of all connections; each is known by its ``Seat``."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def begin(self, seat: Seat, errand: Errand, status: int, data: bytes) -> bytes:
        """Begin an errand; return what is past it, nothing where that can't be said or is taken elsewhere.

        ``status``: what a malformed head deserves.
        """
        hall, head = self._hall, errand.head
        seat.errand = errand
        if head is None:
            self._malformed(seat, errand, status, data)
            return b""
        path, _, query = head.raw_target.partition(b"?")
        if path[:2] == b"/_" or path in hall.settings.health:
            more = hall.own.take(seat, errand, head, path, data)
            if more is not None:
                return more
        errand.is_json = telling.wants_json(head, errand.raw)
        try:
            errand.order = ordered(query, hall.settings.bounds) if query else PLAIN
            if errand.order.chunk and not head.version[1]:
                raise BadOrder("chunk needs a request in HTTP/1.1")
        except BadOrder as bad:
            self.refuse(seat, 400, str(bad), errand.raw)
            return b""
        if head.chunked or head.length:
            return self._with_body(seat, errand, head, data)
        self._answer(seat, errand)
        return data

    def _malformed(self, seat: Seat, errand: Errand, status: int, data: bytes) -> None:
        settings = self._hall.settings
        if status in (414, 431):
            self.refuse(seat, status, errand.notes[0], errand.raw)
            return
        self._hall.malformed += 1
        errand.payload = Payload.unframed(data, settings.max_body) if data else None
        errand.is_json = telling.wants_json(None, errand.raw)
        errand.status = status if settings.strict else 200
        self._say(seat, errand)

    # bodies

    def _with_body(self, seat: Seat, errand: Errand, head: RequestHead, data: bytes) -> bytes:
        settings = self._hall.settings
        payload = errand.payload = Payload.of(head, settings.limits, settings.max_body)
        waits = settings.http11 or settings.body or errand.is_json
        if waits and head.expect_continue and not data:
            seat.transport.write(_CONTINUE)
        if data:
            data = self.feed(errand, payload, data) or b""
        if waits and not (payload.done or payload.truncated):
            seat.take_body(partial(self._take_body, seat, errand, payload))
            return b""
        self._answer(seat, errand)
        return data

    def _take_body(self, seat: Seat, errand: Errand, payload: Payload, data: bytes) -> None:
        seat.touch()
        rest = self.feed(errand, payload, data)
        if payload.done or payload.truncated:
            seat.wait(rest or b"")
            self._answer(seat, errand)
            seat.go_on()

    def feed(self, errand: Errand, payload: Payload, data: bytes) -> bytes | None:
        """Give the body what came, within the room that all bodies have; return what is past it."""
        hall = self._hall
        if hall.held >= HELD_MAX:
            payload.keep_no_more()
        before = payload.held
        rest = payload.feed(data)
        hall.held += payload.held - before
        errand.held += payload.held - before
        return rest

    def cut(self, seat: Seat, errand: Errand) -> None:
        """No more of the body comes: what came of it is answered."""
        if errand.payload is not None:
            errand.payload.cut()
        seat.wait()
        self._answer(seat, errand)
        seat.go_on()

    # answers

    def _answer(self, seat: Seat, errand: Errand) -> None:
        """The answer to an errand is said now, or when that was ordered for."""
        errand.status = errand.order.status
        delay = errand.order.delay
        if not delay:
            self._say(seat, errand)
            return
        seat.wait()
        seat.deadline = NEVER
        seat.ends += delay
        errand.delayed = self._hall.reactor.callLater(delay, self._delayed, seat, errand)

    def _delayed(self, seat: Seat, errand: Errand) -> None:
        errand.delayed = None
        seat.touch()
        with seat.guarded():
            self._say(seat, errand)
            seat.go_on()

    def _say(self, seat: Seat, errand: Errand) -> None:
        hall, settings = self._hall, self._hall.settings
        if errand.order.close == "silent":
            errand.status = 0
            self._said(seat, errand, 0)
            return
        try:
            reply = replied(
                errand,
                hall.heads,
                self._values(seat, errand) if errand.is_json else {},
                is_11=settings.http11,
                shows_body=settings.body,
                keeps=self.keeps(seat, errand),
            )
        except BadOrder as bad:
            self.refuse(seat, 400, str(bad), errand.raw)
            return
        errand.is_begun = True
        seat.transport.write(reply.head)
        if reply.pieces is None:
            self._said(seat, errand, reply.size)
        else:
            self.pour(seat, reply.pieces, partial(self._said, seat, errand, reply.size))

    def _values(self, seat: Seat, errand: Errand) -> dict[str, Any]:
        """What JSON has of a request beside what it was: from where, over what and how fast it came."""
        hall = self._hall
        peer, here = seat.places
        tls = tls_peer(seat.transport)
        return {
            "client": {"address": getattr(peer, "host", None), "port": getattr(peer, "port", None)},
            "server": {"address": getattr(here, "host", None), "port": getattr(here, "port", None)},
            "tls": None if tls is None else telling.of_tls(tls),
            "timing": telling.timing(errand, seat.since, hall.reactor.seconds()),
            "tag": hall.settings.tag.decode(),
            "host": hall.host,
            "instance": hall.instance,
        }

    def pour(self, seat: Seat, pieces: Iterator[bytes], then: Callable[[], object]) -> None:
        """Send something long as fast as the client takes it, and ``then`` go on."""
        seat.wait()

        def ended() -> None:
            seat.listen_again()
            with seat.guarded():
                then()
                seat.go_on()

        seat.transport.unregisterProducer()
        seat.transport.registerProducer(Pouring(pieces, seat.transport, seat.touch, ended), False)

    def keeps(self, seat: Seat, errand: Errand) -> bool:
        """Whether another request may follow this one."""
        payload = errand.payload
        whole = payload is None or (payload.done and not payload.note and not payload.truncated)
        asked = errand.head is not None and errand.head.keep_alive
        return (
            self._hall.settings.http11 and asked and whole and not errand.order.close and not seat.is_draining
        )

    def _said(self, seat: Seat, errand: Errand, sent: int) -> None:
        """The answer to an errand is written."""
        self._hall.answered += 1
        self._note(errand, errand.status, sent)
        if not self._hall.visits.is_off:
            self.log(seat, errand.raw, errand.head, errand.status, sent)
        close, payload = errand.order.close, errand.payload
        body_comes = payload is not None and not payload.done
        if payload is not None and body_comes and not (payload.truncated or close):
            seat.settle(True, lingers=True)  # what is still to come of it is remembered, not awaited
            return
        keeps = self.keeps(seat, errand)
        self.forget(seat, errand)
        if close == "reset":
            seat.shut()
        else:
            seat.settle(not keeps, lingers=not close and (errand.head is None or body_comes))

    def forget(self, seat: Seat, errand: Errand) -> None:
        """The errand is over: it is in the ring."""
        seat.errand = None
        errand.stop()
        self._hall.held -= errand.held
        self._hall.ring.add(errand.when, seat.client, errand.raw, errand.payload, errand.status)

    # what is no echo

    def tell(self, seat: Seat, errand: Errand, answer: bytes, pieces: Iterator[bytes] | None = None) -> None:
        """An answer of our own is sent, and nobody remembers it."""
        seat.transport.write(answer)
        if pieces is None:
            self._told(seat, errand)
        else:
            self.pour(seat, pieces, partial(self._told, seat, errand))

    def _note(self, errand: Errand, status: int, sent: int) -> None:
        hall = self._hall
        hall.requests.ended(status, hall.reactor.seconds() - errand.began)
        hall.requests.bytes["to_client"] += sent

    def _told(self, seat: Seat, errand: Errand) -> None:
        self._note(errand, errand.status or 200, 0)
        head = errand.head
        keeps, has_body = self.keeps(seat, errand), head is None or head.chunked or bool(head.length)
        seat.errand = None
        seat.settle(has_body or not keeps, lingers=has_body)
        seat.go_on()

    def refuse(
        self,
        seat: Seat,
        status: int,
        why: str,
        raw: bytes,
        *,
        remembers: bool = True,
        fields: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Say no, and why, in our own words; then the connection ends.

        ``raw``: the head that it is said to, or what came of it.
        """
        hall, errand = self._hall, seat.errand
        hall.requests.refused(str(status))
        hall.requests.ended(status, hall.reactor.seconds() - errand.began if errand is not None else 0.0)
        bare = raw.lstrip(b"\r\n").startswith(b"HEAD ")
        if not hall.visits.is_off:
            self.log(seat, raw[:LOGGED_MAX], errand.head if errand is not None else None, status, 0)
        http11 = hall.settings.http11
        seat.transport.write(refused(hall.heads, status, why, is_11=http11, bare=bare, fields=fields))
        if errand is not None:
            errand.status = status
            if remembers:
                self.forget(seat, errand)
            seat.errand = None
        seat.settle(True, lingers=True)

    def log(self, seat: Seat, raw: bytes, head: RequestHead | None, status: int, sent: int) -> None:
        """A line of the access log is written."""
        table = head.combined if head is not None else {}
        referer, agent = table.get(b"referer", b""), table.get(b"user-agent", b"")
        self._hall.visits.visit(seat.client, first_line(raw), status, sent, referer, agent)


def errand_of(
    raw: bytes, head: RequestHead | None, notes: tuple[str, ...], *, began: float, now: float
) -> Errand:
    """A request whose head is whole now, in the reactor's seconds."""
    return Errand(raw, head, notes, when=time.time(), began=began, head_done=now)

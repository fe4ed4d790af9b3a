"""A page whose beginning is sent before the rest is known: meanwhile the browser fetches what it looks like.

What comes within `HEAD_START_SECONDS` goes whole, under its own status.  Later the frame goes first, down to
``<main>``, under 200; whatever then becomes of the question, also that there is no answer, is the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.site.answer import Answer, Asked, Refusal, Stream, View
from netsuite.site.frame import Frame
from netsuite.site.streaming import Listener
from netsuite.site.tongue import said

#: How long nothing is sent.
HEAD_START_SECONDS = 0.03

#: Where the beginning ends.
_MAIN = b'<main id="main"'


def early(view: View, template: str, frame: Frame, reactor: Any) -> View:
    """The view, whose pages are made of ``template`` and begin before it has its answer."""

    async def begun(asked: Asked) -> Answer:
        if asked.method != "GET" or asked.wants_json:
            return await view(asked)
        soon: Deferred[Answer | None] = Deferred()
        later: Deferred[Answer] = Deferred()
        head_start = reactor.callLater(HEAD_START_SECONDS, soon.callback, None)

        def answered(result: Any) -> None:
            if head_start.active():
                head_start.cancel()
                soon.callback(result)
            else:
                later.callback(result)

        whole = Deferred.fromCoroutine(_asked(view, asked)).addBoth(answered)
        journal.detach(whole, where="site.early")
        answer = await soon
        if answer is not None:
            return answer
        beginning = frame.page(template, asked, until=_MAIN.decode())
        return replace(beginning, stream=Stream(_Rest(later, frame, asked).send, _no_more))

    return begun


async def _asked(view: View, asked: Asked) -> Answer:
    return await view(asked)


class _Rest:
    """What comes after the beginning."""

    def __init__(self, answer: Deferred[Answer], frame: Frame, asked: Asked) -> None:
        self._answer, self._frame, self._asked = answer, frame, asked

    def send(self, listener: Listener) -> None:
        """It is sent when it is there, and the page is complete."""
        self._answer.addErrback(self._refused)
        self._answer.addCallback(_end, listener)
        journal.detach(self._answer, where="site.early")

    def _refused(self, failure: Failure) -> Answer:
        """The page that says why there is no answer."""
        if isinstance(failure.value, Refusal):
            refusal = failure.value
            return self._frame.refusal(self._asked, refusal.status, refusal.sentence)
        fault = journal.fault(where="site.view", failure=failure)
        return self._frame.refusal(self._asked, 500, said("refusal.broken", number=fault))


def _end(answer: Answer, listener: Listener) -> None:
    listener.write(answer.body[answer.body.index(_MAIN) :])
    listener.end()


def _no_more(listener: Listener) -> None:
    """Nothing: what was asked is remembered for who asks next."""

"""The counter process: pages come in over a pipe, their words go to the store in batches.

Hostile HTML meets its parser here and not in the relay.  The process has bounds of memory and of processor
time for a page, no core file, no descriptors but its pipe and the store's, and a lower priority than
whoever reads.  It has no more to say in its defence: whatever kills it, the relay starts another and sends
it what was not kept.

It ends when its pipe does, also if the relay was killed; signals that a terminal or a service manager sends
to a whole group are ignored, as the relay decides when its last pages are through.  Once a batch has its
full size and the store refuses it, no more is read, and the relay's own bounds decide what becomes of the
rest.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import sys
from collections import deque

from netsuite.wordproxy.counting import Counter
from netsuite.wordproxy.errors import place
from netsuite.wordproxy.pipe import (
    HEAD_MAX,
    TO_COUNTER,
    Begin,
    FrameReader,
    FromCounter,
    Leaving,
    PipeFault,
    Ready,
    decoded,
    frame,
)
from netsuite.words.count import WordCounter

#: Exit codes, as everywhere in the house: pages could not be kept; a fault of ours.
LOCAL, INTERNAL = 12, 70

#: New objects after which cycles are looked for: more than a batch has.  Counting makes hardly any cycles.
_YOUNG = 100_000

_READ = 256 * 1024
_DESCRIPTORS = 128  # a store in a file has three, and there may be one for each user


class _Pipe:
    """The process's ends of the pipe; writing to a relay that is gone does nothing."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._reader = FrameReader(HEAD_MAX)
        self._poll = select.poll()

    def send(self, message: FromCounter) -> None:
        view = memoryview(frame(message))
        try:
            while view:
                view = view[os.write(self._sink, view) :]
        except BrokenPipeError:  # what is in our hands is still worth keeping
            os.close(self._sink)
            self._sink = os.open(os.devnull, os.O_WRONLY)

    def believe(self, limit: int) -> None:
        """Frames up to ``limit`` bytes are taken from now on."""
        self._reader.limit = limit

    def read(self, *, wait: float | None, only_end: bool = False) -> list[bytes] | None:
        """The next frames, none after ``wait`` seconds, None at the end.  ``only_end``: read nothing."""
        self._poll.register(self._source, 0 if only_end else select.POLLIN)
        if not self._poll.poll(None if wait is None else wait * 1000):
            return []
        data = b"" if only_end else os.read(self._source, _READ)
        return self._reader.feed(data) if data else None


def serve(pipe: _Pipe) -> int:
    """The pipe has ended; the exit code: 0 if all that came was kept."""
    while not (blocks := pipe.read(wait=None)):
        if blocks is None:
            return 0
    begin = decoded(TO_COUNTER, blocks[0])
    if not isinstance(begin, Begin):
        raise PipeFault("no beginning")
    pipe.believe(begin.max_text + HEAD_MAX)
    restrain(begin)
    counts = WordCounter(max_text=begin.max_text, max_ratio=begin.max_ratio, default_lang=begin.default_lang)
    counter = Counter(begin, counts, pipe.send)
    pipe.send(Ready(counter.spooled))
    _work(pipe, counter, deque(blocks[1:]))
    kept = counter.commit()
    counter.close()
    if counter.is_spent:
        pipe.send(Leaving())
    return 0 if kept else LOCAL


def _work(pipe: _Pipe, counter: Counter, blocks: deque[bytes]) -> None:
    """Take what comes until the end, or until memory ran out."""
    while not counter.is_spent:
        while blocks and not counter.is_full and not counter.is_spent:
            counter.take(decoded(TO_COUNTER, blocks.popleft()))
            counter.tick()
        counter.tick()
        if blocks and not counter.is_full:
            continue
        wait = counter.wait()
        is_idle = wait is None and counter.leisure is not None
        more = pipe.read(wait=counter.leisure if is_idle else wait, only_end=counter.is_full)
        if more is None:
            return
        if is_idle and not more:
            counter.renew()
        blocks.extend(more)


def restrain(begin: Begin) -> None:
    """This process is bounded, and yields to others."""
    gc.collect()
    gc.freeze()  # what is here to stay is not looked through again
    gc.set_threshold(_YOUNG)
    os.umask(0o077)
    os.nice(begin.nice)
    bounds = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, _DESCRIPTORS)]
    if begin.memory:
        bounds.append((resource.RLIMIT_AS, begin.memory))
    for kind, bound in bounds:
        hard = resource.getrlimit(kind)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (bound, bound))


def take_over() -> _Pipe:
    """Standard input and output are the pipe, and nothing else in the process reads or writes them."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    pipe = _Pipe(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return pipe


def run() -> int:
    """The counter has done its work; its exit code."""
    pipe = take_over()
    try:
        return serve(pipe)
    except PipeFault as fault:
        sys.stderr.write(f"pipe: {fault}\n")
    except Exception as error:
        sys.stderr.write(f"fault: {place(error)}\n")
    return INTERNAL


if __name__ == "__main__":
    sys.exit(run())

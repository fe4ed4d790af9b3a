"""Redis and its clients die at any moment: what was acknowledged is there, nothing twice, nothing in part.

A push tries a cut of it; ``NETSUITE_TEST_SCALE=nightly`` kills a hundred times.
"""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import Batch, CoverageQuery, Note, Store, StoreFault, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.parts import clean_environment
from tests.scale import NIGHTLY
from tests.wordproxy.store.samples import DAY, batch, folder, page
from tests.wordproxy.store.server import Redis
from tests.wordproxy.store.test_sharing import WRITER

KILLS = 100 if NIGHTLY else 5


def numbered(n: int) -> Batch:
    """The n-th batch: two pages of three words and a note."""
    words = "tide", "boat", f"w{n}"
    return batch(
        page(3 * n, *words, path=str(n)),
        page(3 * n + 1, *words, path=str(n)),
        Note(3 * n + 2, DAY, "shop.example", "unseen"),
    )


class KilledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = Redis()
        self.addCleanup(self.server.close)

    def open(self) -> Store:
        store = open_store(self.server.where())
        self.addCleanup(store.close)
        return store

    def whole(self, batches: int) -> None:
        """That many batches are in the store, each once and whole."""
        store = self.open()
        found = store.words(WordQuery(limit=0))
        counts = {word.word: (word.occurrences, word.pages) for word in found.words}
        share = store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.unseen), (2 * batches, batches))
        self.assertEqual((counts.pop("tide"), counts.pop("boat")), ((2 * batches, batches),) * 2)
        self.assertEqual(set(counts.values()), {(2, 1)})
        self.assertEqual((len(counts), found.total.pages), (batches, batches))
        self.assertEqual(store.words(WordQuery(day=DAY)).total, found.total)

    def test_server_killed(self) -> None:
        """kill -9 of Redis in the midst of batches, and a restart: each batch is there, once."""
        dice = random.Random(7)
        store, sent = self.open(), 0
        for _ in range(KILLS):
            for _ in range(dice.randint(1, 30)):
                store.add(numbered(sent))
                sent += 1
            killer = threading.Timer(dice.random() * 0.004, self.server.signal, [signal.SIGKILL])
            killer.start()
            with contextlib.suppress(StoreFault):
                while True:  # until the server is gone
                    store.add(numbered(sent))
                    sent += 1
            killer.join()
            self.server.wait()
            self.assertIn("can't be reached", str(self.assertRaises(StoreFault, store.status)))
            self.server.up()
            store.add(numbered(sent))  # the same again: it may be there already
            sent += 1
        self.whole(sent)

    def test_node_killed(self) -> None:
        """kill -9 of a node: what it was told is kept is there, and no batch in part."""
        for kept in (2, 38):
            with subprocess.Popen(
                [sys.executable, "-c", WRITER, self.server.where(f"node{kept}")],
                stdout=subprocess.PIPE,
                env=clean_environment(),
            ) as writer:
                assert writer.stdout is not None
                said = 0
                for line in writer.stdout:
                    said = int(line) if line.endswith(b"\n") else said
                    if said >= kept and writer.poll() is None:
                        writer.send_signal(signal.SIGKILL)
            store = open_store(self.server.where(f"node{kept}"))
            self.addCleanup(store.close)
            counted = store.coverage(CoverageQuery()).total.counted
            found = store.words(WordQuery(limit=0))
            self.assertGreaterEqual(counted, said)
            self.assertEqual((counted % 2, found.total.occurrences), (0, 3 * counted))
            self.assertEqual(found.total.pages, counted // 2)

    def test_two_nodes(self) -> None:
        """Two nodes that write at the same time, each its batches twice, add up."""
        stores = [self.open(), self.open()]

        def write(number: int) -> None:
            for n in range(1, 60):
                told = batch(page(n, "tide", f"n{number}", path=str(n)), node=f"node{number}")
                stores[number].add(told)
                stores[number].add(told)

        writers = [threading.Thread(target=write, args=[number]) for number in (0, 1)]
        for writer in writers:
            writer.start()
        reader = self.open()
        while any(writer.is_alive() for writer in writers):
            total = reader.words(WordQuery()).total
            self.assertEqual(total.occurrences % 2, 0)
        for writer in writers:
            writer.join()
        found = reader.words(WordQuery())
        most = found.words[0]
        self.assertEqual((most.word, most.occurrences, most.pages), ("tide", 118, 59))
        self.assertEqual(found.total.pages, 59)

    def test_cut_in_the_midst_of_an_answer(self) -> None:
        """An answer cut at any byte is a fault; the batch, sent again on a good way, is there once."""
        cuts = range(0, 40, 1 if KILLS > 5 else 7)
        sent = 0
        for cut in cuts:
            with narrow(self.server.socket, folder(self)) as (way, limit):
                store = open_store(f"unix://{way}?prefix=words")
                limit[0] = cut
                with contextlib.suppress(StoreFault):  # past the end of its answer the cut harms nothing
                    store.add(numbered(sent))
                store.close()
            self.open().add(numbered(sent))
            sent += 1
        self.whole(sent)


@contextlib.contextmanager
def narrow(server: Path, place: Path) -> Iterator[tuple[Path, list[int]]]:
    """A way to the server that ends each connection after ``limit[0]`` bytes of answers."""
    limit = [1 << 40]

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=relay, args=[client], daemon=True).start()

    def relay(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(server))
            while asked := client.recv(1 << 20):
                far.sendall(asked)
                answer = far.recv(1 << 20)
                client.sendall(answer[: limit[0]])
                if limit[0] < len(answer):
                    return

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        yield place, limit
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()

"""The queue of what is to be told: rests, patience, a receiver that was away, and what a restart finds."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite import delivery
from netsuite.formsite.delivery import Courier, Undelivered, rest
from netsuite.formsite.keeper import Keeper
from netsuite.formsite.store import Letter, Outbox
from tests.formsite.samples import NoThread, draft
from tests.site.wire import Now


class Receiver:
    """A way that is there or away."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.tries = 0
        self.is_there = True

    async def send(self, letter: Letter) -> None:
        self.tries += 1
        if not self.is_there:
            raise Undelivered("nobody is there")
        assert letter.entry is not None
        self.got.append(letter.entry.id)


class CourierTests(SynchronousTestCase):
    """One way's courier, on a clock that tests move."""

    def setUp(self) -> None:
        self.where = str(Path(self.mktemp()) / "forms.db")
        self.receiver = Receiver()
        self.begin()

    def begin(self) -> None:
        """A process has started."""
        self.reactor = Now()
        self.keeper = Keeper(
            self.where,
            self.reactor,
            ways=("mail",),
            writing=NoThread(),
            reading=NoThread(),
            clock=self.reactor.seconds,
        )
        self.keeper.start()
        self.courier = Courier("mail", self.receiver, self.keeper, self.reactor)
        self.keeper.on_kept = self.courier.wake
        self.courier.start()

    def keep(self, count: int = 1, **more: str) -> None:
        for n in range(count):
            self.successResultOf(self.keeper.keep(draft(n, **more)))

    def pass_by(self, seconds: float, step: float = 5.0) -> None:
        self.reactor.pump([step] * int(seconds / step))

    def outbox(self) -> Outbox:
        return self.successResultOf(self.keeper.ask(lambda store: store.outbox()))

    def test_at_once(self) -> None:
        """Answers are told as they come, in their order, and once; spam is not."""
        self.keep(3)
        self.keep(1, spam="links")
        self.pass_by(100)
        self.assertEqual(self.receiver.got, [1, 2, 3])
        self.assertEqual(self.outbox().waiting, 0)

    def test_away_for_an_hour(self) -> None:
        """A receiver that was away for an hour gets all of it, soon after, and isn't pestered meanwhile."""
        self.receiver.is_there = False
        self.keep(50)
        self.pass_by(3600)
        self.assertEqual(self.receiver.got, [])
        self.assertLess(self.receiver.tries, 20)
        self.assertEqual(self.outbox().error, "mail: nobody is there")
        self.receiver.is_there = True
        self.pass_by(2 * delivery.REST_MAX)
        self.assertEqual(sorted(self.receiver.got), [*range(1, 51)])

    def test_new_ones_do_not_wake_it(self) -> None:
        """While it rests, new answers wait with the others."""
        self.receiver.is_there = False
        self.keep(30)
        self.assertEqual(self.receiver.tries, 1)

    def test_restart(self) -> None:
        """What waited when the process ended is told by the next."""
        self.receiver.is_there = False
        self.keep(2)
        self.successResultOf(Deferred.fromCoroutine(self.courier.stop()))
        self.successResultOf(Deferred.fromCoroutine(self.keeper.stop()))
        self.receiver.is_there = True
        self.begin()
        self.pass_by(60)
        self.assertEqual(sorted(self.receiver.got), [1, 2])

    def test_given_up(self) -> None:
        """After days it is given up, and told after all when somebody says so."""
        self.receiver.is_there = False
        self.keep(1)
        self.pass_by(delivery.PATIENCE_SECONDS + 2 * delivery.REST_MAX, 300.0)
        self.assertEqual((self.outbox().waiting, self.outbox().given_up), (0, 1))
        self.receiver.is_there = True
        self.successResultOf(self.keeper.change(lambda store: store.tell_again(self.keeper.now())))
        self.courier.wake(at_once=True)
        self.assertEqual(self.receiver.got, [1])

    def test_spam_meanwhile(self) -> None:
        """What was found to be spam, or deleted, while it waited isn't told."""
        self.receiver.is_there = False
        self.keep(3)
        self.successResultOf(self.keeper.change(lambda store: store.flag([1], "by hand")))
        self.successResultOf(self.keeper.change(lambda store: store.delete([2])))
        self.receiver.is_there = True
        self.pass_by(120)
        self.assertEqual(self.receiver.got, [3])
        self.assertEqual(self.outbox().waiting, 0)

    def test_one_that_is_never_taken(self) -> None:
        """A letter that its receiver won't take doesn't keep others from it for long."""
        send = self.receiver.send

        async def choosy(letter: Letter) -> None:
            if letter.id == 1:
                raise Undelivered("not this one")
            await send(letter)

        self.receiver.send = choosy  # type: ignore[method-assign]
        self.keep(5)
        self.pass_by(60)
        self.assertEqual(self.receiver.got, [2, 3, 4, 5])
        self.assertEqual(self.outbox().waiting, 1)

    def test_rest(self) -> None:
        """Each rest is twice as long as the one before, up to its bound."""
        self.assertEqual([rest(failures) for failures in (1, 2, 3, 7, 8, 1000)], [10, 20, 40, 640, 900, 900])

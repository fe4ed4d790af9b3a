"""A real Redis that refuses, hangs, or holds what is not ours: each is one line, and no batch in part."""

from __future__ import annotations

import shutil
import signal

from redis import exceptions
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store import redisfaults
from netsuite.wordproxy.store.contract import (
    CoverageQuery,
    Forget,
    Note,
    PageQuery,
    Store,
    StoreFault,
    WordQuery,
)
from netsuite.wordproxy.store.open import open_store, shared_url_key
from netsuite.wordproxy.store.redis import RedisStore
from tests.real.parts import PartError, free_ports, until
from tests.real.test_secure_proxy import write_certificate
from tests.wordproxy.store.samples import DAY, batch, folder, page
from tests.wordproxy.store.server import OneServer, Redis

#: A batch that touches a key of every kind.
FULL = batch(page(1, "tide", "boat"), page(2, "Tide", path="b"), Note(3, DAY, "shop.example", "unseen"))


class RedisTests(OneServer, SynchronousTestCase):
    options = ("--enable-protected-configs", "local")

    def setUp(self) -> None:
        self.prefix = f"words{next(self.numbers)}"

    def open(self, more: str = "", *, read_only: bool = False) -> Store:
        store = open_store(self.server.where(self.prefix, more), read_only=read_only)
        self.addCleanup(store.close)
        return store

    def ask(self, *command: str) -> bytes:
        """The server did what it was told, and that is its answer."""
        answer = self.server.told(*command)
        self.assertNotEqual(answer[:1], b"-", answer)
        return answer

    def set(self, name: str, value: str) -> None:
        """The server's setting is that until the test's end."""
        before = self.ask("CONFIG", "GET", name).split(b"\r\n")[-2].decode()
        self.addCleanup(self.ask, "CONFIG", "SET", name, before)
        self.ask("CONFIG", "SET", name, value)

    def refused(self, store: Store, *words: str) -> None:
        """A batch is refused in a line with those words; nothing of it is there, and it fits in later."""
        before = self.server.keys(self.prefix)
        text = str(self.assertRaises(StoreFault, store.add, FULL))
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn("\n", text)
        self.assertEqual(self.server.keys(self.prefix), before)

    def counted(self, store: Store) -> None:
        """The batch is in the store, once."""
        store.add(FULL)
        store.add(FULL)
        self.assertEqual(store.words(WordQuery()).total.occurrences, 3)
        share = store.coverage(CoverageQuery()).total
        self.assertEqual((share.counted, share.unseen), (2, 1))

    # what a server does

    def test_scripts_forgotten(self) -> None:
        """A server that has forgotten our scripts is given them again."""
        store = self.open()
        for n in range(3):
            self.ask("SCRIPT", "FLUSH")
            store.add(batch(page(n, "tide")))
        self.assertEqual(store.words(WordQuery()).total.occurrences, 3)

    def test_no_memory(self) -> None:
        """At the limit of its memory a batch is refused whole; with room again it is added."""
        store = self.open()
        self.ask("CONFIG", "SET", "maxmemory", "1")
        try:
            self.refused(store, "no memory left", "maxmemory")
            store.words(WordQuery())
        finally:
            self.ask("CONFIG", "SET", "maxmemory", "0")
        self.counted(store)

    def test_keys_thrown_away(self) -> None:
        """A server that throws keys away when it is full is no place for a store."""
        self.set("maxmemory", "100mb")
        self.set("maxmemory-policy", "allkeys-lru")
        self.assertIn("noeviction", str(self.assertRaises(StoreFault, self.open)))

    def test_read_only_server(self) -> None:
        """A replica takes no batch and can be read; as the primary again it takes it."""
        store = self.open()
        self.ask("REPLICAOF", "127.0.0.1", "1")
        try:
            self.refused(store, "replica", "--store")
            store.words(WordQuery())
        finally:
            self.ask("REPLICAOF", "NO", "ONE")
        self.counted(store)

    def test_server_that_can_not_save(self) -> None:
        """A server that stopped writes since it can't save is named (MISCONF)."""
        store = self.open()
        gone = folder(self)
        gone.mkdir()
        was = self.ask("CONFIG", "GET", "dir").split(b"\r\n")[-2].decode()
        self.set("save", "3600 1")
        self.ask("CONFIG", "SET", "dir", str(gone))
        shutil.rmtree(gone)
        try:
            self.ask("BGSAVE")
            until("a failed save", lambda: b"rdb_last_bgsave_status:err" in self.ask("INFO", "persistence"))
            self.refused(store, "can't save")
        finally:
            self.ask("CONFIG", "SET", "dir", was)
        self.ask("BGSAVE")
        until("a good save", lambda: b"rdb_last_bgsave_status:ok" in self.ask("INFO", "persistence"))
        self.counted(store)

    def test_silent(self) -> None:
        """A server that gives no answer is a fault after the limit; what it got then is not added twice."""
        store = self.open("&timeout=0.3")
        self.server.signal(signal.SIGSTOP)
        try:
            text = str(self.assertRaises(StoreFault, store.add, FULL))
        finally:
            self.server.signal(signal.SIGCONT)
        self.assertIn("no answer within 0.3 s", text)
        self.counted(self.open())
        self.counted(store)

    def test_paused(self) -> None:
        """A server that holds commands back is a fault; what it does with them then is done once."""
        store = self.open("&timeout=0.3")
        self.ask("CLIENT", "PAUSE", "60000", "WRITE")
        try:
            text = str(self.assertRaises(StoreFault, store.add, FULL))
        finally:
            self.ask("CLIENT", "UNPAUSE")
        self.assertIn("no answer within 0.3 s", text)
        self.counted(self.open())
        self.counted(store)

    def test_failover(self) -> None:
        """A replica that became the primary has what was acknowledged; batches that come again are known."""
        (port,) = free_ports(1)
        first = Redis(["--port", str(port), "--bind", "127.0.0.1"])
        self.addCleanup(first.close)
        second = Redis(["--replicaof", "127.0.0.1", str(port)])
        self.addCleanup(second.close)
        one = open_store(first.where(self.prefix))
        self.addCleanup(one.close)
        told = [batch(page(n, "tide", f"w{n}", path=str(n))) for n in range(1, 20)]
        for sent in told[:10]:
            one.add(sent)
        until("a replica", lambda: second.keys(self.prefix) == first.keys(self.prefix))
        first.signal(signal.SIGKILL)
        first.wait()
        self.assertRaises(StoreFault, one.add, told[10])
        two = open_store(second.where(self.prefix), read_only=True)
        self.assertEqual(two.words(WordQuery()).total.occurrences, 20)
        two.close()
        second.told("REPLICAOF", "NO", "ONE")
        two = open_store(second.where(self.prefix))
        self.addCleanup(two.close)
        for sent in told[5:]:
            two.add(sent)
        self.assertEqual(two.words(WordQuery()).total.occurrences, 38)
        idle = b"aof_rewrite_in_progress:0"  # it does not end before
        until("a log of the replica", lambda: idle in second.told("INFO", "persistence"))

    def test_not_there(self) -> None:
        """Where nothing listens, the line says so, with the address and without the password."""
        where = f"unix://:s3cret@{self.server.folder}/none.sock"
        for address in (where.replace("unix://:s3cret@", "unix://"), "redis://u:s3cret@127.0.0.1:1/0"):
            text = str(self.assertRaises(StoreFault, open_store, address))
            self.assertIn("can't be reached", text)
            self.assertNotIn("s3cret", text)

    def test_users(self) -> None:
        """No password, a wrong one, and a user who may not: a line each that shows no password."""
        self.ask(
            "ACL",
            "SETUSER",
            "words",
            "on",
            ">r1ght",
            f"~{{{self.prefix}}}:*",
            "+@all",
            "-@dangerous",
            "+info",
        )
        self.ask("ACL", "SETUSER", "guest", "on", ">r1ght", "~*", "+ping")
        server = f"{self.server.socket}?prefix={self.prefix}"
        store = open_store(self.with_user("words", "r1ght"))
        self.addCleanup(store.close)
        self.counted(store)
        store.retain("2026-02-01")
        self.assertEqual(store.forget(Forget(host="news.example")), 2)
        self.assertEqual(store.forget(Forget(everything=True)), 0)
        for user, password, words in [
            ("words", "wr0ng", "user and password"),
            ("guest", "r1ght", "let this user"),
        ]:
            text = str(self.assertRaises(StoreFault, open_store, self.with_user(user, password)))
            self.assertIn(words, text)
            self.assertNotIn(password, text)
        self.ask("CONFIG", "SET", "requirepass", "r1ght")
        try:
            text = str(self.assertRaises(StoreFault, open_store, f"unix://{server}"))
        finally:
            done = self.server.told_all("AUTH r1ght", "CONFIG SET requirepass ''")
        self.assertIn("wants a password", text)
        self.assertEqual(done, b"+OK\r\n+OK\r\n")

    def with_user(self, user: str, password: str) -> str:
        """The store's address for that user, whose password is in a file."""
        path = folder(self)
        path.write_text(password)
        return self.server.where(self.prefix, f"&password-file={path}").replace("unix://", f"unix://{user}@")

    # what it holds

    def test_schema(self) -> None:
        """A newer store is refused untouched, at the opening and by one that had it open."""
        store = self.open()
        self.ask("HSET", f"{{{self.prefix}}}:about", "schema", "3")
        before = self.server.keys(self.prefix)
        self.assertIn("newer netsuite (schema 3", str(self.assertRaises(StoreFault, self.open)))
        self.assertIn("newer netsuite", str(self.assertRaises(StoreFault, store.words, WordQuery())))
        self.refused(store, "upgraded")
        self.assertRaises(StoreFault, store.retain, DAY)
        self.assertEqual(self.server.keys(self.prefix), before)

    def test_foreign_keys(self) -> None:
        """Another program's keys under our names are refused untouched."""
        for command in ("SET", "about", "x"), ("HSET", "about", "mark", "x"), ("SET", "pages", "x"):
            self.prefix = f"words{next(self.numbers)}"
            self.ask(command[0], f"{{{self.prefix}}}:{command[1]}", *command[2:])
            before = self.server.keys(self.prefix)
            self.assertIn("another program", str(self.assertRaises(StoreFault, self.open)))
            self.assertEqual(self.server.keys(self.prefix), before)

    def test_a_key_of_another_kind(self) -> None:
        """Whichever key of a batch has become another's, the batch is refused whole."""
        store = self.open()
        store.add(FULL)
        names = sorted(name.decode() for name in self.server.keys(self.prefix))
        self.assertGreater(len(names), 12)
        for name in names:
            if not name.endswith(":about"):
                self.ask("RENAME", name, "kept")
                self.ask("SET", name, "rubbish")
                self.refused_next(store)
                self.ask("RENAME", "kept", name)
        self.counted(store)

    def test_values_that_can_not_be(self) -> None:
        """Whichever value of a batch is rubbish, the batch is refused whole."""
        store = self.open()
        store.add(FULL)
        for name in sorted(name.decode() for name in self.server.keys(self.prefix)):
            fields = self.fields(name)
            if fields and not name.endswith(":about") and ":met:" not in name:
                self.ask("COPY", name, "kept", "REPLACE")
                for field in fields:
                    self.ask("HSET", name, field, "\ufffd{")
                self.refused_next(store)
                self.ask("COPY", "kept", name, "REPLACE")
        self.counted(store)

    def refused_next(self, store: Store) -> None:
        """The same pages, read again, are refused whole."""
        before = self.server.keys(self.prefix)
        again = batch(*(type(item)(item.sequence + 9, *_rest(item)) for item in (*FULL.pages, *FULL.notes)))
        text = str(self.assertRaises(StoreFault, store.add, again))
        self.assertNotIn("tide", text)
        self.assertEqual(self.server.keys(self.prefix), before)

    def fields(self, name: str) -> list[str]:
        """The fields of a hash; nothing for a key of another kind."""
        if self.ask("TYPE", name) != b"+hash\r\n":
            return []
        return [part.decode() for part in self.ask("HKEYS", name).split(b"\r\n")[2::2]]

    def test_emptied(self) -> None:
        """A store that was emptied under us is a fault for all who use it; opened anew it is a new one."""
        store = self.open()
        store.add(FULL)
        self.ask("DEL", *(name.decode() for name in self.server.keys(self.prefix)))
        self.refused(store, "emptied")
        self.assertIn("emptied", str(self.assertRaises(StoreFault, store.words, WordQuery())))
        self.counted(self.open())

    def test_read_only(self) -> None:
        """Opened for reading, nothing is made and nothing written."""
        self.assertIn("no store of that name", str(self.assertRaises(StoreFault, self.open, read_only=True)))
        self.assertEqual(self.server.keys(self.prefix), {})
        self.open().add(FULL)
        reader = self.open(read_only=True)
        self.refused(reader, "reading only")
        self.assertRaises(StoreFault, reader.retain, DAY)
        self.assertEqual(reader.pages(PageQuery()).total, 2)

    def test_profiles_are_apart(self) -> None:
        """Two prefixes on one server are two stores."""
        self.open().add(FULL)
        self.prefix = f"words{next(self.numbers)}"
        self.assertEqual(self.open().words(WordQuery()).total.occurrences, 0)

    def test_retention_leaves_no_bytes(self) -> None:
        """Addresses and titles that retention removed are in no byte of what the server keeps."""
        store = self.open()
        for n in range(1, 250):
            store.add(batch(page(n, "tide", path=f"h1dden{n}", title="Hidden title")))
        self.assertIn(b"h1dden", self.bytes_on_disk())
        store.retain("2026-02-01")
        until("a rewritten log", lambda: b"aof_rewrite_in_progress:0" in self.ask("INFO", "persistence"))
        self.assertEqual(
            (store.pages(PageQuery()).total, store.words(WordQuery()).total.occurrences), (0, 249)
        )
        until("no byte of them", lambda: b"h1dden" not in self.bytes_on_disk())
        self.assertNotIn(b"Hidden title", self.bytes_on_disk())

    def bytes_on_disk(self) -> bytes:
        files = (path for path in self.server.folder.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files)

    def test_not_on_the_disk(self) -> None:
        """From Redis 7.2 on, a batch not flushed in time is a fault; sent again it is there."""
        store = self.open()
        assert isinstance(store, RedisStore)
        store._server.waits_for_disk = True
        for flushed in ([0, 0], [1, 0]):
            self.patch(store._server.client, "waitaof", lambda local, replicas, ms, told=flushed: told)
            if flushed[0]:
                self.counted(store)
            else:
                self.assertIn("not flushed", str(self.assertRaises(StoreFault, store.add, FULL)))

    def test_key_of_digests(self) -> None:
        """The first node's key is every node's."""
        where = self.server.where(self.prefix)
        self.assertEqual(shared_url_key(where, b"\0\xff" * 16), b"\0\xff" * 16)
        self.assertEqual(shared_url_key(where, b"other" * 6), b"\0\xff" * 16)

    def test_status(self) -> None:
        """The status has the server's version, memory and whether it keeps a log; no password."""
        status = self.open().status()
        self.assertRegex(status.server, r"^Redis \d+\.\d+\.\d+, \d+\.\d MiB used, with an append-only file$")
        self.assertEqual(status.where, self.server.where(self.prefix))
        self.assertGreater(status.size_bytes, 100_000)

    def test_closed(self) -> None:
        """A closed store stays closed, and says so."""
        store = self.open()
        store.close()
        store.close()
        self.assertIn("is closed", str(self.assertRaises(StoreFault, store.words, WordQuery())))


class NetworkTests(SynchronousTestCase):
    """The same over TCP: plain, and in TLS with a certificate that is checked."""

    def setUp(self) -> None:
        certificates = folder(self)
        certificates.mkdir()
        write_certificate(certificates)
        self.certificate = certificates / "authority.pem"
        both = str(certificates / "both.pem")
        files = ["--tls-cert-file", both, "--tls-key-file", both, "--tls-auth-clients", "no"]
        for tries_left in (2, 1, 0):  # another may take a free port before the server does
            self.plain, self.secure = free_ports(2)
            ports = ["--port", str(self.plain), "--tls-port", str(self.secure), "--requirepass", "r1ght"]
            try:
                self.server = Redis([*ports, *files], password="r1ght")
                break
            except PartError:
                if not tries_left:
                    raise
        self.addCleanup(self.server.close)

    def test_both_ways(self) -> None:
        """Nodes that come by TCP, by TLS and by the socket share one store."""
        for number, where in enumerate(
            [
                f"redis://:r1ght@127.0.0.1:{self.plain}/0?prefix=words",
                f"rediss://:r1ght@127.0.0.1:{self.secure}?prefix=words&ca-file={self.certificate}",
                f"unix://:r1ght@{self.server.socket}?prefix=words",
            ],
            1,
        ):
            store = open_store(where)
            self.addCleanup(store.close)
            store.add(batch(page(1, "tide"), node=f"node{number}"))
            self.assertEqual(store.words(WordQuery()).total.occurrences, number)
            self.assertNotIn("r1ght", store.status().where + repr(store))

    def test_a_certificate_that_nobody_vouches_for(self) -> None:
        """A server whose certificate can't be checked is refused, and gets no password."""
        where = f"rediss://:r1ght@127.0.0.1:{self.secure}/0"
        text = str(self.assertRaises(StoreFault, open_store, where))
        self.assertIn("certificate", text)
        self.assertNotIn("r1ght", text)


class LineTests(SynchronousTestCase):
    def test_codes(self) -> None:
        """Each way in which a server refuses has its line, with or without a script's wrapping."""
        for error, words in [
            (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "still loading"),
            (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "can't save"),
            (exceptions.ResponseError("ERR Error running script (call to f_1): -OOM command"), "no memory"),
            (exceptions.ResponseError("WRONGTYPE Operation against a key. script: 1"), "another kind"),
            (exceptions.ResponseError("BUSY Redis is busy running a script"), "busy with a script"),
            (exceptions.ClusterDownError("Hash slot not served"), "cluster"),
            (exceptions.MovedError("3999 127.0.0.1:6381"), "name the node"),
            (exceptions.TimeoutError("Timeout reading from socket"), "within 5 s"),
            (exceptions.ConnectionError("max number of clients reached"), "max number of clients"),
            (exceptions.InvalidResponse("Protocol Error: b'tide'"), "Protocol Error"),
            (
                exceptions.ResponseError("ERR unknown command 'EVALSHA', with args 'tide'"),
                "ERR unknown command",
            ),
        ]:
            text = redisfaults.told("redis://db.example:6379/0", error, 5)
            self.assertIn(words, text)
            self.assertNotIn("tide", text)


def _rest(item: object) -> list[object]:
    return [getattr(item, name) for name in type(item).__struct_fields__[1:]]

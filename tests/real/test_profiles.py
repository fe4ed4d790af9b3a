"""Users counted apart, and pages met again, with a real twistd: whose words are where, to the last one."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import stat
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest import TestCase
from urllib.parse import parse_qsl, urlencode, urlsplit

import bcrypt

from netsuite.wordproxy.place import profile_store
from netsuite.wordproxy.store.contract import CoverageQuery, Share, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.hatchery import wordproxy
from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, Twistd, until
from tests.real.test_wordproxy_workers import Words, own_word

USERS = {"alice": "wonder:land", "bøb": "builder"}


class Unchanged(Origin):
    """``/N`` is a page that its reader always had already, but for the first time."""

    def __init__(self) -> None:
        self.asked: set[int] = set()
        super().__init__()

    def _answer(self, client: socket.socket, size: int) -> None:  # type: ignore[override]
        if size in self.asked:
            client.sendall(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")
            return
        self.asked.add(size)
        body = f"<!DOCTYPE html><title>t</title><p>tide tide {own_word(size)}</p>".encode()
        head = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: %d\r\nContent-Type: text/html\r\n\r\n"
        client.sendall(head % len(body) + body)


def get(node: Twistd, url: str, user: str | None = None) -> int:
    """The status of a page that a user asks for."""
    connection = HTTPConnection("127.0.0.1", node.ports["proxy"], timeout=FETCH_SECONDS)
    headers = {}
    if user is not None:
        credentials = base64.b64encode(f"{user}:{USERS[user]}".encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {credentials}"
    with contextlib.closing(connection):
        connection.request("GET", url, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def log_in(user: str) -> dict[str, str]:
    """What a browser sends once a user has logged in."""
    credentials = base64.b64encode(f"{user}:{USERS[user]}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


def report_text(node: Twistd, path: str, user: str) -> str:
    """What the report shows a user who logs in to it."""
    connection = HTTPConnection("127.0.0.1", node.ports["report"], timeout=FETCH_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=log_in(user))
        return connection.getresponse().read().decode()


def report(node: Twistd, path: str, user: str) -> Any:
    """The same as JSON."""
    return json.loads(report_text(node, path, user))


def post(node: Twistd, path: str, user: str, fields: dict[str, str]) -> tuple[int, str]:
    """A form that a user sends from a page of theirs: the status, and where they are sent."""
    page = report_text(node, "/setup", user)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None, page
    connection = HTTPConnection("127.0.0.1", node.ports["report"], timeout=FETCH_SECONDS)
    headers = {**log_in(user), "Content-Type": "application/x-www-form-urlencoded"}
    with contextlib.closing(connection):
        connection.request("POST", path, urlencode({"token": token[1], **fields}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", "")


def found(path: str) -> tuple[dict[str, int], Share]:
    """How often each word is in a store, and its coverage; nothing where there is none."""
    if not os.path.exists(path):
        return {}, Share()
    store = open_store(path, read_only=True)
    try:
        words = store.words(WordQuery(everything=True, limit=0)).words
        return {word.word: word.occurrences for word in words}, store.coverage(CoverageQuery()).total
    finally:
        store.close()


class ProfileTests(TestCase):
    """Two users, nobody, and what each has read."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="netsuite-profiles-", ignore_cleanup_errors=True)
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.users = self.folder / "users"
        hashed = {
            user: bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode() for user, word in USERS.items()
        }
        self.users.write_text("".join(f"{user}:{word}\n" for user, word in hashed.items()))
        self.path = str(self.folder / "words.db")
        self.origin = Words()
        self.addCleanup(self.origin.close)

    def node(self, *options: str) -> Twistd:
        """A wordproxy that knows these users."""
        node = wordproxy("-s", self.path, "--htpasswd", str(self.users), *options, folder=self.folder)
        self.addCleanup(node.close)
        return node

    def read_and_stop(self, node: Twistd) -> None:
        """alice reads three pages, bøb two others and one of hers; one pretends to be alice."""
        for user, numbers in (("alice", (1, 2, 3)), ("bøb", (3, 4, 5))):
            for number in numbers:
                self.assertEqual(get(node, self.origin.url(number), user), 200)
        self.assertEqual(get(node, self.origin.url(9)), 407)
        self.assertEqual(node.stop(), 0)

    def test_apart(self) -> None:
        """Each user's words and coverage are in a store of their own, private; the main one has none."""
        self.read_and_stop(self.node("--profiles"))
        for user, numbers in (("alice", (1, 2, 3)), ("bøb", (3, 4, 5))):
            path = profile_store(self.path, user)
            words, coverage = found(path)
            self.assertEqual(words, {own_word(number): 1 for number in numbers} | {"tide": 3}, user)
            self.assertEqual((coverage.counted, coverage.skipped), (3, {}))
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "words.d").st_mode), 0o700)
        self.assertEqual(found(self.path), ({}, Share()))
        self.assertEqual(len(list((self.folder / "words.d").glob("*.db"))), 2)

    def test_own_report(self) -> None:
        """Each user sees, marks, undoes and forgets their own words alone; the main store has none."""
        node = self.node("--profiles")
        mine = {"alice": {own_word(1): 1, own_word(2): 1}, "bøb": {own_word(4): 1, own_word(5): 1}}
        for user, numbers in (("alice", (1, 2)), ("bøb", (4, 5))):
            for number in numbers:
                self.assertEqual(get(node, self.origin.url(number), user), 200)

        def words(user: str) -> dict[str, int]:
            listed = report(node, "/words.json?all=1", user)["words"]
            return {word["word"]: word["occurrences"] for word in listed}

        for user, own in mine.items():
            until(f"{user} sees both pages", lambda user=user: len(words(user)) == 3)
            self.assertEqual(words(user), own | {"tide": 2})
            self.assertEqual(report(node, "/coverage.json", user)["counted"], 2)
        self.assertEqual(node.report("/healthz")["words"], 0)

        status, there = post(node, "/known", "alice", {"mark": "known:und:tide"})
        self.assertEqual(status, 303)
        done = dict(parse_qsl(urlsplit(there).query))["done"]
        self.assertIn('name="undo"', report_text(node, f"/words?done={done}", "alice"))
        self.assertNotIn('name="undo"', report_text(node, f"/words?done={done}", "bøb"))
        self.assertEqual(report(node, "/known.json", "bøb")["known"], [])
        self.assertEqual(post(node, "/known", "bøb", {"undo": done})[0], 409)
        self.assertEqual(len(report(node, "/known.json", "alice")["known"]), 1)

        self.assertEqual(post(node, "/forget", "alice", {"what": "everything"})[0], 303)
        self.assertEqual(words("alice"), {})
        self.assertEqual(words("bøb"), mine["bøb"] | {"tide": 2})
        self.assertEqual(node.stop(), 0)

    def test_together(self) -> None:
        """Without profiles there is one store, and nothing says who read what."""
        self.read_and_stop(self.node())
        words, coverage = found(self.path)
        self.assertEqual((words["tide"], coverage.counted), (6, 6))
        self.assertFalse((self.folder / "words.d").exists())

    def test_workers(self) -> None:
        """Workers' counters share users' stores as they share the main one."""
        self.read_and_stop(self.node("--profiles", "--workers", "2"))
        self.assertEqual([found(profile_store(self.path, user))[1].counted for user in USERS], [3, 3])

    def test_in_memory(self) -> None:
        """With a store in memory nothing of a user is in the report of another, nor on the disk."""
        self.path = ":memory:"
        node = self.node("--profiles")
        for number in range(3):
            self.assertEqual(get(node, self.origin.url(number), "alice"), 200)
        until("all is counted", lambda: node.log.count(" counted 2") == 3)
        self.assertEqual(report(node, "/words.json?all=1", "bøb")["words"], [])
        self.assertEqual(report(node, "/coverage.json", "bøb")["counted"], 0)
        self.assertEqual(node.stop(), 0)
        self.assertFalse((self.folder / "words.d").exists())


class RevisitTests(TestCase):
    """A page that had not changed."""

    def counted(self, *options: str) -> tuple[dict[str, int], Share]:
        """What is in the store once a page was met three times, twice as 304; another only as 304."""
        with tempfile.TemporaryDirectory(prefix="netsuite-revisits-") as scratch:
            origin = Unchanged()
            self.addCleanup(origin.close)
            origin.asked.add(2)
            path = str(Path(scratch) / "words.db")
            node = wordproxy("-s", path, *options)
            self.addCleanup(node.close)
            self.assertEqual([get(node, origin.url(1)) for _ in range(3)], [200, 304, 304])
            self.assertEqual(get(node, origin.url(2)), 304)
            self.assertEqual(node.stop(), 0)
            return found(path)

    def test_ignored(self) -> None:
        """By default it is counted once, and noted."""
        words, coverage = self.counted()
        self.assertEqual(words, {"tide": 2, own_word(1): 1})
        self.assertEqual(
            (coverage.counted, coverage.recounted, coverage.skipped), (1, 0, {"not modified": 3})
        )

    def test_counted_again(self) -> None:
        """Where revisits count, its words are counted each time; a page that was never counted can't be."""
        words, coverage = self.counted("--revisits", "count")
        self.assertEqual(words, {"tide": 6, own_word(1): 3})
        self.assertEqual(
            (coverage.counted, coverage.recounted, coverage.skipped), (1, 2, {"not modified": 1})
        )

"""Standard streams of every kind: pipes that can't be opened again, sockets, terminals that are gone."""

from __future__ import annotations

import io
import os
import pty
import select
import socket

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from netsuite.forward import standard
from netsuite.forward.standard import Input, Output, kind_of
from tests.forward.far import ForwardCase, whole
from tests.forward.test_sessions import MUCH, answer


class KindTests(ForwardCase):
    """What a descriptor is."""

    def test_kinds(self) -> None:
        """Each kind is known, one that is closed too."""
        reading, writing = os.pipe()
        ours, theirs = pty.openpty()
        one, two = socket.socketpair()
        file = os.open(self.folder() / "f", os.O_RDWR | os.O_CREAT)
        null = os.open(os.devnull, os.O_RDONLY)
        kinds = [kind_of(fd) for fd in (reading, theirs, one.fileno(), file, null, -1)]
        self.assertEqual(kinds, ["pipe", "terminal", "socket", "file", "other", "closed"])
        one.close()
        two.close()
        for fd in (reading, writing, ours, theirs, file, null):
            os.close(fd)
        self.assertEqual(kind_of(file), "closed")


class OutputTests(ForwardCase):
    """What is written, whatever it is written to."""

    async def test_a_pipe_that_cannot_be_opened_again(self) -> None:
        """Then it is written in small pieces, when there is room: every byte, and nobody is held up."""

        def blocking(output: Output) -> None:
            output._piece = select.PIPE_BUF

        self.patch(Output, "_reopen", blocking)
        far = self.far(answer)
        code, output, errors = await self.ran("-q", "127.0.0.1", far.port, typed=b"ask\n")
        self.assertEqual((code, errors, output == MUCH), (0, "", True))

    async def test_a_socket(self) -> None:
        """A socket stays blocking for those who share it, and takes every byte."""
        near, shown = socket.socketpair()
        far = self.far(answer)
        coming: Deferred[bytes] = deferToThread(whole, shown)
        source = os.open(os.devnull, os.O_RDONLY)
        words = ("-q", "127.0.0.1", far.port)
        outcome = await self.outcome(words, (source, near.fileno()), io.StringIO())
        self.assertTrue(os.get_blocking(near.fileno()))
        near.close()
        self.assertEqual((outcome.exit, await coming == MUCH), (0, True))
        shown.close()
        os.close(source)

    async def test_input_and_output_are_one_socket(self) -> None:
        """As inetd and its like start programs: both ways over one socket."""
        near, other = socket.socketpair()
        far = self.far(lambda client: client.sendall(whole(client)[::-1]))
        other.sendall(b"abc")
        other.shutdown(socket.SHUT_WR)
        fd = near.fileno()
        twin = os.dup(fd)
        outcome = await self.outcome(("-q", "-b", "127.0.0.1", far.port), (fd, twin), io.StringIO())
        os.close(twin)
        near.close()
        self.assertEqual((outcome.exit, whole(other)), (0, b"cba"))
        other.close()

    async def test_a_reader_that_left(self) -> None:
        """A pipe whose reader has left ends it with 12, though nothing is written."""
        for option in ("-b", "--crlf"):
            far = self.far(whole)
            reading, out = os.pipe()
            source, typing = os.pipe()
            os.close(reading)
            outcome = await self.outcome(("-q", option, "127.0.0.1", far.port), (source, out), io.StringIO())
            self.assertEqual((outcome.exit, outcome.cause), (12, "local"))
            for fd in (out, source, typing):
                os.close(fd)


class InputTests(ForwardCase):
    """What is read, whatever it is read from."""

    async def test_a_terminal_that_is_gone(self) -> None:
        """A terminal that hung up (EIO) is an input that has ended."""
        ours, theirs = pty.openpty()
        os.close(ours)
        far = self.far(lambda client: client.sendall(b"had " + whole(client)))
        out = self.folder() / "out"
        words = ("-q", "-o", str(out), "127.0.0.1", far.port)
        outcome = await self.outcome(words, (theirs, -1), io.StringIO())
        os.close(theirs)
        self.assertEqual((outcome.exit, out.read_bytes()), (0, b"had "))

    async def test_a_folder(self) -> None:
        """A folder for input can't be read: 12, and said."""
        for option in ("-b", "--crlf"):
            far = self.far(whole)
            folder, null = os.open(self.folder(), os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)
            words = ("-q", option, "127.0.0.1", far.port)
            errors = io.StringIO()
            outcome = await self.outcome(words, (folder, null), errors)
            os.close(folder)
            os.close(null)
            self.assertEqual((outcome.exit, outcome.cause), (12, "local"))
            self.assertEqual(errors.getvalue(), "dataforward: standard input: Is a directory\n")

    def test_a_reactor_without_epoll(self) -> None:
        """Where there is no epoll to ask, files and /dev/null count as always ready."""
        self.patch(standard.select, "epoll", None)
        null = os.open(os.devnull, os.O_RDONLY)
        reading, writing = os.pipe()
        ready = [standard.can_wait(None, _At(fd)) for fd in (null, reading)]
        self.assertEqual(ready, [False, True])
        for fd in (null, reading, writing):
            os.close(fd)
        self.assertEqual(Input(None, -1).kind, "closed")


class _At:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

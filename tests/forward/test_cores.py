"""Line ends, dialogues, recordings and views: bytes in, bytes out."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.forward.expect import WINDOW, Dialogue, Expect, Send, parse_expect
from netsuite.forward.hexview import HexView
from netsuite.forward.newline import AsIs, LineEnds, ToCrlf, ToLf
from netsuite.forward.safe import Safe
from netsuite.forward.tape import RECEIVED, SENT, BadTape, Piece, head_line, piece_line, pieces

#: Bytes among which line ends are frequent.
LINES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bc", b"\x00"])).map(b"".join)


def fed(ends: LineEnds, *parts: bytes) -> bytes:
    """What is sent of these reads."""
    return b"".join(map(ends.feed, parts)) + ends.end()


class NewlineTests(SynchronousTestCase):
    """Line ends, however they are cut."""

    TABLE = (
        (b"", b"", b""),
        (b"a\nb", b"a\r\nb", b"a\nb"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\rb", b"a\rb", b"a\rb"),
        (b"\r\r\n\n", b"\r\r\n\r\n", b"\r\n\n"),
        (b"\n\n\r", b"\r\n\r\n\r", b"\n\n\r"),
        (
            b"HEAD / HTTP/1.0\nHost: x\n\n",
            b"HEAD / HTTP/1.0\r\nHost: x\r\n\r\n",
            b"HEAD / HTTP/1.0\nHost: x\n\n",
        ),
    )

    def test_table(self) -> None:
        """Each sort of line end, cut at every byte."""
        for typed, crlf, lf in self.TABLE:
            for cut in range(len(typed) + 1):
                parts = typed[:cut], b"", typed[cut:]
                self.assertEqual(fed(ToCrlf(), *parts), crlf, (typed, cut))
                self.assertEqual(fed(ToLf(), *parts), lf, (typed, cut))
                self.assertEqual(fed(AsIs(), *parts), typed)

    def test_a_cr_is_not_held_up(self) -> None:
        """With CRLF nothing waits: whoever types a CR has it sent at once."""
        self.assertEqual(ToCrlf().feed(b"x\r"), b"x\r")

    @settings(deadline=None, max_examples=100)
    @given(st.lists(LINES))
    def test_any_cuts(self, parts: list[bytes]) -> None:
        """Cuts change nothing; what was converted once is not changed again; no LF lacks its CR."""
        typed = b"".join(parts)
        crlf = fed(ToCrlf(), *parts)
        self.assertEqual(crlf, re.sub(rb"(?<!\r)\n", b"\r\n", typed))
        self.assertEqual(fed(ToCrlf(), crlf), crlf)
        self.assertEqual(fed(ToLf(), *parts), typed.replace(b"\r\n", b"\n"))


class DialogueTests(SynchronousTestCase):
    """What is expected, and said then."""

    def test_in_turn(self) -> None:
        """Each is said when what comes before it was seen, also across cuts, and once."""
        steps = [
            Send(b"hi"),
            parse_expect("login: *"),
            Send(b"me"),
            parse_expect("^.*word:"),
            Send(b"secret"),
        ]
        dialogue = Dialogue(steps)
        self.assertEqual(dialogue.feed(b""), [b"hi"])
        self.assertEqual(
            [dialogue.feed(part) for part in (b"Welcome\nlog", b"in: ", b"Pass")], [[], [b"me"], []]
        )
        self.assertEqual(dialogue.waits, steps[3])
        self.assertEqual(dialogue.feed(b"word:"), [b"secret"])
        self.assertIsNone(dialogue.waits)
        self.assertEqual((dialogue.feed(b"login: word:"), dialogue.met), ([], 2))

    def test_two_at_once(self) -> None:
        """One piece may meet several; what met one does not meet the next."""
        dialogue = Dialogue([parse_expect("a"), Send(b"1"), parse_expect("a"), Send(b"2"), parse_expect("a")])
        self.assertEqual(dialogue.feed(b"aa"), [b"1", b"2"])
        self.assertIsNotNone(dialogue.waits)

    def test_bound(self) -> None:
        """What came long ago is forgotten; in a large piece all is looked at."""
        dialogue = Dialogue([parse_expect("start.*end")])
        dialogue.feed(b"start")
        dialogue.feed(b"x" * WINDOW)
        self.assertEqual(dialogue.feed(b"end"), [])
        self.assertIsNotNone(dialogue.waits)
        dialogue.feed(b"start" + b"x" * 4 * WINDOW + b"end")
        self.assertIsNone(dialogue.waits)

    def test_any_bytes(self) -> None:
        """Expressions are of bytes: text that is none meets them too."""
        expect = parse_expect("é\\xff")
        self.assertIsInstance(expect, Expect)
        dialogue = Dialogue([expect])
        dialogue.feed("é".encode() + b"\xff")
        self.assertEqual(dialogue.met, 1)

    def test_no_expression(self) -> None:
        """What is no regular expression is refused."""
        for text in ("(", "[a", "a{2,1}", "(?P<n>x)(?P<n>y)"):
            error = self.assertRaises(ValueError, parse_expect, text)
            self.assertIn("is no regular expression", str(error))


class TapeTests(SynchronousTestCase):
    """Recordings."""

    def test_round(self) -> None:
        """What was recorded is read again, byte for byte."""
        told = [Piece(0.25, SENT, bytes(range(256))), Piece(1.5, RECEIVED, b""), Piece(2.0, SENT, None)]
        lines = [head_line("127.0.0.1:5001", 0.0), *map(piece_line, told)]
        self.assertEqual(
            lines[0], '{"tape":1,"peer":"127.0.0.1:5001","started":"1970-01-01T00:00:00.000Z"}\n'
        )
        self.assertTrue(all(line.isascii() and line.endswith("\n") for line in lines))
        self.assertEqual(list(pieces(line.encode() for line in lines)), told)

    @settings(deadline=None, max_examples=50)
    @given(st.binary(max_size=200))
    def test_damage(self, junk: bytes) -> None:
        """Whatever stands in a file, it is a recording or is refused."""
        for lines in ([junk], [head_line("x", 0).encode(), junk]):
            try:
                list(pieces(lines))
            except BadTape as error:
                self.assertRegex(str(error), "^is ")

    def test_refused(self) -> None:
        """What is wrong is said with its line."""
        head = head_line("x", 0.0).encode()
        for lines, text in (
            ([b"GET / HTTP/1.0\r\n"], "is no recording"),
            ([b'{"tape":2}'], "is a recording of another kind"),
            ([head, b'{"at":0,"way":"sent","data":"?"}'], "is damaged at line 2"),
            ([head, b'{"at":0,"way":"up","data":""}'], "is damaged at line 2"),
            ([head, b'{"at":-1,"way":"sent","data":""}'], "is damaged at line 2"),
            ([head, b'{"at":0,"way":"sent","data":5}'], "is damaged at line 2"),
            ([head, b"[" * 100_000], "is damaged at line 2"),
        ):
            error = self.assertRaises(BadTape, list, pieces(lines))
            self.assertEqual(str(error), text)


class ViewTests(SynchronousTestCase):
    """What people look at."""

    def test_hex(self) -> None:
        """Sixteen bytes a line, offsets that go on, a mark for the direction."""
        view = HexView(">")
        self.assertEqual(
            view.lines(b"hello\r\n\xff" + b"x" * 10),
            "> 00000000  68 65 6c 6c 6f 0d 0a ff 78 78 78 78 78 78 78 78  |hello...xxxxxxxx|\n"
            "> 00000010  78 78                                            |xx|\n",
        )
        self.assertEqual(view.lines(b"A"), f"> 00000012  {'41':47}  |A|\n")
        self.assertEqual(view.lines(b""), "")

    def test_safe(self) -> None:
        """What a terminal obeys is shown escaped; text and line ends stay, cut at every byte."""
        for came, shown in (
            (b"\x1b]0;owned\x07", b"\\x1b]0;owned\\x07"),
            (b"plain\ttext\r\nnext\n", b"plain\ttext\r\nnext\n"),
            (b"over\rwritten", b"over\\x0dwritten"),
            ("grün 漢字 😀".encode(), "grün 漢字 😀".encode()),
            ("\x9b31m\u202e".encode(), b"\\x9b31m\\u202e"),
            (b"\xff\xc3", b"\\xff\\xc3"),
            (b"\x00\x08\x7f\r", b"\\x00\\x08\\x7f\\x0d"),
        ):
            for cut in range(len(came) + 1):
                safe = Safe()
                self.assertEqual(
                    safe.feed(came[:cut]) + safe.feed(came[cut:]) + safe.end(), shown, (came, cut)
                )

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.binary(max_size=20)))
    def test_never_obeyed(self, parts: list[bytes]) -> None:
        """Whatever comes, however cut, no control character is left but line ends and tabs."""
        safe = Safe()
        shown = b"".join(map(safe.feed, parts)) + safe.end()
        text = shown.decode()
        self.assertTrue(
            all(char.isprintable() or char in "\r\n\t" or ord(char) > 159 for char in text), shown
        )
        self.assertNotRegex(text, "\r(?!\n)")

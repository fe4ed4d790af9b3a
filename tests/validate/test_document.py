"""What kind of document it is, and its encoding."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.validate.document import Document, Kind, charset_of, is_checkable, kind_of, prepare
from netsuite.validate.message import Grade, Message

WORD = "日本"


class KindTests(SynchronousTestCase):
    """What it is written in."""

    def test_names_and_types(self) -> None:
        """A media type is believed before the name, and the name before the content."""
        for name, media_type, kind in (
            ("a.html", "", Kind.HTML),
            ("A.HTM", "", Kind.HTML),
            ("a.xht", "", Kind.XHTML),
            ("a.svg", "", Kind.SVG),
            ("a.css", "", Kind.CSS),
            ("a.css", "text/html; charset=x", Kind.HTML),
            ("a", "IMAGE/SVG+XML", Kind.SVG),
        ):
            self.assertEqual(kind_of(name, b"", media_type), kind, name)

    def test_content(self) -> None:
        """Without a name it is how the document begins that counts."""
        for body, kind in (
            (b"<!DOCTYPE html><title>", Kind.HTML),
            (b"<!DOCTYPE html><p><svg>", Kind.HTML),
            (b'<?xml version="1.0"?><svg xmlns="x">', Kind.SVG),
            (b"\xef\xbb\xbf <svg/>", Kind.SVG),
            (b'<?xml version="1.0"?><html xmlns="x">', Kind.XHTML),
            (b"p { color: red }", Kind.CSS),
            (b"@import 'x';", Kind.CSS),
            (b"hello", Kind.HTML),
            (b"", Kind.HTML),
        ):
            self.assertEqual(kind_of("-", body), kind, body)

    def test_content_type(self) -> None:
        """What is no document at all is known by its type; a charset is read with or without quotes."""
        self.assertTrue(
            is_checkable("text/html; charset=utf-8") and is_checkable("") and is_checkable("text/plain")
        )
        self.assertFalse(is_checkable("image/png") or is_checkable("application/json"))
        self.assertEqual(charset_of('text/html; a=b; Charset="Shift_JIS"'), "Shift_JIS")
        self.assertIsNone(charset_of("text/html"))


class EncodingTests(SynchronousTestCase):
    """What the checker gets is UTF-8."""

    def html(self, head: str = "", encoding: str = "utf-8", label: str | None = None) -> Document:
        """A page with a Japanese word."""
        return Document("a.html", Kind.HTML, f"<title>{head}{WORD}</title>".encode(encoding), label)

    def test_declared(self) -> None:
        """A declared encoding is undone, and what the checker says of our change alone is left out."""
        prepared = prepare(self.html("</title><meta charset=shift_jis><title>", "shift_jis"))
        self.assertIn(WORD.encode(), prepared.body)
        self.assertEqual((prepared.was, prepared.remarks), ("shift_jis", ()))
        ours = Message(
            Grade.ERROR, 'Internal encoding declaration "x" disagrees with the actual encoding of it'
        )
        theirs = Message(Grade.ERROR, 'The only allowed value for the "charset" attribute is "utf-8".')
        self.assertEqual(prepared.amended((ours, theirs)), (theirs,))

    def test_from_outside(self) -> None:
        """The charset of HTTP counts before what the page says."""
        prepared = prepare(self.html("", "shift_jis", "Shift_JIS"))
        self.assertIn(WORD.encode(), prepared.body)

    def test_detected(self) -> None:
        """An encoding that nobody declared is detected, and that is an error in HTML."""
        prepared = prepare(self.html("ほんとうにながいページのだいめい", "shift_jis"))
        self.assertIn(WORD.encode(), prepared.body)
        self.assertEqual([m.grade for m in prepared.remarks], [Grade.ERROR])
        self.assertIn("shift_jis", prepared.remarks[0].text)

    def test_utf16(self) -> None:
        """UTF-16 by its mark is read, and is an error."""
        body = f"<title>{WORD}</title>".encode("utf-16")
        prepared = prepare(Document("a.html", Kind.HTML, body))
        self.assertIn(WORD.encode(), prepared.body)
        self.assertIn("must be UTF-8", prepared.remarks[0].text)

    def test_as_it_is(self) -> None:
        """UTF-8, XML in any encoding, and bytes that are no text go as they are."""
        xml = Document(
            "a.svg",
            Kind.SVG,
            f'<?xml version="1.0" encoding="shift_jis"?><svg>{WORD}</svg>'.encode("shift_jis"),
        )
        noise = Document("a.html", Kind.HTML, bytes(range(256)) * 8)
        for document in (self.html(), xml, noise, Document("a.css", Kind.CSS, b"p{}")):
            prepared = prepare(document)
            self.assertEqual((prepared.body, prepared.remarks), (document.body, ()), document.name)

    def test_css(self) -> None:
        """CSS says its encoding by @charset; without it is a warning, since a page may have said it."""
        body = '@charset "iso-8859-1"; p::before { content: "é" }'.encode("latin-1")
        prepared = prepare(Document("a.css", Kind.CSS, body))
        self.assertEqual((prepared.body, prepared.remarks), (body.decode("latin-1").encode(), ()))
        prepared = prepare(
            Document("a.css", Kind.CSS, 'p::before { content: "naïve élève" }'.encode("latin-1"))
        )
        self.assertEqual([m.grade for m in prepared.remarks], [Grade.WARNING])

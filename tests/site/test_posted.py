"""From a body to fields and files: both forms of forms, their bounds, and what is none."""

from __future__ import annotations

import time
from urllib.parse import quote_plus, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import FORM, Refusal, Upload
from netsuite.site.posted import Bounds, Posted, read

BOUNDARY = "----WebKitFormBoundaryabc"
KIND = f"multipart/form-data; boundary={BOUNDARY}"

#: What no form has: control characters change on the way.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


def part(name: str, content: bytes, file: str | None = None, kind: str = "") -> bytes:
    """One part, as Chromium writes it."""
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'Content-Disposition: form-data; name="{escaped}"'
    if file is not None:
        head += f'; filename="{file}"\r\nContent-Type: {kind or "application/octet-stream"}'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    """The whole of a body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class FieldTests(SynchronousTestCase):
    """Fields of both forms."""

    def test_order_and_repeats(self) -> None:
        """Every value of a repeated field is there, in the order of the body; empty ones, too."""
        fields = (("flavor", "coffee"), ("name", ""), ("flavor", "vanilla"), ("", "x"))
        self.assertEqual(read(FORM, b"flavor=coffee&name=&flavor=vanilla&=x", Bounds()).fields, fields)
        parts = body(*(part(name, value.encode()) for name, value in fields))
        self.assertEqual(read(KIND, parts, Bounds()).fields, fields)

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.tuples(TEXT, TEXT), max_size=6))
    def test_both_say_the_same(self, pairs: list[tuple[str, str]]) -> None:
        """The same fields are read from both forms, whatever text is in them."""
        pairs = [
            (name.replace('"', "").replace("\\", "").replace("%", "") or "n", value) for name, value in pairs
        ]
        urlencoded = read(FORM, urlencode(pairs).encode(), Bounds())
        multipart = read(KIND, body(*(part(name, value.encode()) for name, value in pairs)), Bounds())
        self.assertEqual(urlencoded, multipart)
        self.assertEqual(urlencoded.fields, tuple(pairs))

    def test_browsers_bytes(self) -> None:
        """Bodies as Chromium, Firefox and curl write them, with a quote in a name."""
        for kind, boundary in ((KIND, BOUNDARY), ('multipart/form-data; boundary="a b"', "a b")):
            lines = (
                f"--{boundary}",
                'Content-Disposition: form-data; name="a%22b"',
                "",
                "one\r\ntwo",
                f"--{boundary}",
                'content-disposition: form-data; name="größe"; filename="x y.txt"',
                "Content-Type: text/plain",
                "",
                "text",
                f"--{boundary}--",
                "",
            )
            found = read(kind, "\r\n".join(lines).encode(), Bounds(files=1))
            self.assertEqual(found.fields, (('a"b', "one\ntwo"),))
            self.assertEqual(found.uploads, (Upload("größe", "x y.txt", "text/plain", b"text"),))

    def test_charsets(self) -> None:
        """Text is in the encoding that the post says, else UTF-8; wrong bytes are kept visibly."""
        for content, kind, value in (
            ("a=größe".encode(), FORM, "größe"),
            (b"a=gr%F6%DFe&_charset_=windows-1252", FORM, "größe"),
            (b"a=%93%FA&_charset_=shift_jis", FORM, "日"),
            (b"a=gr\xf6\xdfe", f"{FORM}; charset=iso-8859-1", "größe"),
            (b"a=gr\xf6\xdfe", FORM, r"gr\xf6\xdfe"),
            (b"a=%C0%AF", FORM, r"\xc0\xaf"),
            (b"a=%ED%A0%80", FORM, r"\xed\xa0\x80"),
            (b"a=x&_charset_=utf-16", FORM, "x"),
            (b"a=x&_charset_=nonsense", FORM, "x"),
            (b"a=1%00%0D%0A2%0d3", FORM, "1\ufffd\n2\n3"),
            (b"a=%zz%4&b", FORM, "%zz%4"),
        ):
            self.assertEqual(read(kind, content, Bounds()).first("a"), value, content)

    def test_no_file_chosen(self) -> None:
        """A file field that was left alone is a field with an empty value, where files are off, too."""
        self.assertEqual(read(KIND, body(part("doc", b"", "")), Bounds()), Posted((("doc", ""),)))


class RefusalTests(SynchronousTestCase):
    """What is no form, or too much, is refused with its status; nothing else is ever raised."""

    def status(self, kind: str, content: bytes, bounds: Bounds = Bounds()) -> int:  # noqa: B008 - a value
        try:
            read(kind, content, bounds)
        except Refusal as refusal:
            self.assertTrue(str(refusal))
            return refusal.status
        return 200

    def test_bad_multipart(self) -> None:
        """Each way to be no multipart is 400."""
        good = body(part("a", b"1"))
        for kind, content in (
            ("multipart/form-data", good),
            ("multipart/form-data; boundary=", good),
            (f"multipart/form-data; boundary={'x' * 201}", good),
            ("multipart/form-data; boundary=ä", good),
            (KIND, b""),
            (KIND, b"nothing"),
            (KIND, good[:-4]),
            (KIND, good[: len(good) // 2]),
            (KIND, good.replace(b"\r\n", b"\n")),
            (KIND, good.replace(b"form-data; name", b"attachment; name")),
            (KIND, good.replace(b"Content-Disposition", b"X-Other")),
            (KIND, good.replace(b"Content-Disposition: ", b"Content-Disposition")),
            (KIND, body(part("a", b"1").replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"))),
            (KIND, body(part("x" * 201, b"1"))),
        ):
            self.assertEqual(self.status(kind, content), 400, content)

    def test_bounds(self) -> None:
        """Fields, text, files and the heads of parts are counted."""
        many = body(*(part("a", b"1") for _ in range(4)))
        for kind, content, bounds, status in (
            (KIND, many, Bounds(fields=3), 413),
            (KIND, many, Bounds(fields=4), 200),
            (FORM, b"a&a&a&a", Bounds(fields=3), 413),
            (KIND, body(part("a", b"x" * 99)), Bounds(text=98), 413),
            (KIND, body(part("a", b"", "f.txt")), Bounds(), 422),
            (KIND, body(part("a", b"1", "f"), part("a", b"2", "g")), Bounds(files=1), 422),
            (
                KIND,
                body(part("a", b"1").replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 5000 + b"\r\n\r\n")),
                Bounds(),
                413,
            ),
            (KIND, body(part("a", b"1").replace(b"\r\n\r\n", b"\r\nX: y" * 20 + b"\r\n\r\n")), Bounds(), 413),
        ):
            self.assertEqual(self.status(kind, content, bounds), status, content[:80])

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=200), st.integers(0, 150), st.integers(0, 40))
    def test_any_bytes(self, noise: bytes, place: int, gone: int) -> None:
        """However a body is spoiled, it is read or refused."""
        good = body(part("name", b"Example"), part("doc", b"text", "a.txt"))
        spoiled = good[:place] + noise + good[place + gone :]
        self.assertIn(self.status(KIND, spoiled, Bounds(files=2)), (200, 400, 413, 422))
        self.assertIn(self.status(KIND, noise), (200, 400, 413, 422))
        self.assertIn(self.status(FORM, noise), (200, 400, 413))

    def test_many_fields(self) -> None:
        """20,000 fields, alike or each another, are read within a second of processor time."""
        names = [f"field{n}" for n in range(20_000)]
        before = time.process_time()
        bounds = Bounds(fields=20_000, text=4_000_000)
        alike = read(FORM, b"&".join([b"a=" + quote_plus("größe").encode()] * 20_000), bounds)
        other = read(KIND, body(*(part(name, b"1") for name in names)), bounds)
        used = time.process_time() - before
        self.assertEqual((len(alike.fields), len(other.fields)), (20_000, 20_000))
        self.assertLess(used, 2.0, "two bodies of 20,000")

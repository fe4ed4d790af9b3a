"""Which encoding a body is read in: every place that may say so, and who wins."""

import codecs

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import charset
from netsuite.words.skipped import Reason, Skip

CAFE = b"caf\xe9"  # é in windows-1252, й in windows-1251, И in koi8-r


class OrderTests(SynchronousTestCase):
    def test_byte_order_mark_wins(self) -> None:
        """A mark beats the header and the meta, and is no text."""
        for mark, codec in (
            (codecs.BOM_UTF8, "utf-8"),
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (codecs.BOM_UTF16_BE, "utf-16-be"),
        ):
            page = "<meta charset=koi8-r>café 語"
            self.assertEqual(charset.decode(mark + page.encode(codec), "windows-1251"), page)

    def test_header_beats_meta(self) -> None:
        """The header's label beats the meta's, unless no one knows it."""
        page = b"<meta charset=koi8-r>" + CAFE
        self.assertTrue(charset.decode(page, "windows-1251").endswith("cafй"))
        for label in (None, "", "utf8mb4", "nonsense", "caf\xe9", "\ud800"):
            self.assertTrue(charset.decode(page, label).endswith("cafИ"), label)

    def test_label_as_servers_write_it(self) -> None:
        """A label's case, quotes and white space don't matter, and latin1 is windows-1252."""
        for label in ("KOI8-R", '"koi8-r"', " koi8-r ", "'koi8'"):
            self.assertEqual(charset.decode(CAFE, label), "cafИ")
        for label in ("latin1", "iso-8859-1", "us-ascii"):
            self.assertEqual(charset.decode(b"\x93" + CAFE + b"\x94", label), "“café”")

    def test_nothing_said(self) -> None:
        """Unlabelled bytes are UTF-8 if they are valid as that, else windows-1252."""
        self.assertEqual(charset.decode("café 語".encode(), None), "café 語")
        self.assertEqual(charset.decode(CAFE, None), "café")
        self.assertEqual(charset.decode("語".encode()[:2], None), "èª")
        self.assertEqual(charset.decode(b"", None), "")

    def test_wrong_bytes(self) -> None:
        """A label is believed even if it lies; what is no character becomes U+FFFD."""
        self.assertEqual(charset.decode(CAFE + b"<p>x", "utf-8"), "caf\ufffd<p>x")
        self.assertEqual(charset.decode(b"\xff<p>x", "shift_jis")[-4:], "<p>x")

    def test_given_up_encodings(self) -> None:
        """The encodings that the web replaced by nothing are unreadable, by header or meta."""
        for label in ("iso-2022-kr", "hz-gb-2312", "replacement"):
            skip = self.assertRaises(Skip, charset.decode, b"abc", label)
            self.assertEqual(skip.reason, Reason.UNREADABLE)
        skip = self.assertRaises(Skip, charset.decode, b"<meta charset=iso-2022-kr>abc", None)
        self.assertEqual(skip.reason, Reason.UNREADABLE)

    def test_plain_text_declares_nothing(self) -> None:
        """A plain text that quotes a meta is not decoded by it."""
        self.assertTrue(charset.decode(b"<meta charset=koi8-r>" + CAFE, None, markup=False).endswith("café"))

    def test_twins(self) -> None:
        """One text in each of the web's encodings is the same text."""
        for label, text in (
            ("gbk", "汉字和 €"),
            ("gb2312", "汉字"),
            ("gb18030", "汉字 ɑ 𠀀"),
            ("big5", "漢字"),
            ("shift_jis", "漢字とカナ ①"),
            ("euc-jp", "漢字とカナ"),
            ("iso-2022-jp", "漢字とカナ"),
            ("euc-kr", "한국어 똠"),
            ("koi8-r", "слово"),
            ("koi8-u", "їжак"),
            ("windows-1251", "слово"),
            ("iso-8859-5", "слово"),
            ("iso-8859-2", "żółw"),
            ("windows-1254", "çalışma"),
            ("windows-874", "ภาษา"),
            ("macintosh", "café"),
            ("utf-16", "語 café"),
            ("utf-16be", "語 café"),
        ):
            codec = {
                "gbk": "gb18030",
                "utf-16": "utf-16-le",
                "macintosh": "mac-roman",
                "windows-874": "cp874",
                "shift_jis": "cp932",
                "euc-kr": "cp949",
            }.get(label, label)
            self.assertEqual(charset.decode(text.encode(codec), label), text, label)


class MetaTests(SynchronousTestCase):
    def declares(self, start: bytes) -> bool:
        return charset.decode(start + b">" + CAFE, None).endswith("cafИ")

    def test_ways_to_declare(self) -> None:
        """Each way that browsers know to declare an encoding in the document is known."""
        for start in (
            b"<meta charset=koi8-r>",
            b"<META CHARSET='KOI8-R'>",
            b'<meta\n/charset = "koi8-r" / >',
            b"<meta name=x charset=koi8-r content=y>",
            b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
            b"<meta content=\"text/html;charset = 'koi8-r' \" http-equiv=content-type>",
            b"<meta http-equiv=content-type content=charset=koi8-r;x>",
            b"<meta http-equiv=content-type content='charset charset=koi8-r'>",
            b"<!-- <meta charset=utf-8> --><meta charset=koi8-r>",
            b"<!--><meta charset=koi8-r>",
            b"<!doctype html><?php ?></p></ ><a title='>'><meta charset=koi8-r>",
            b"<a title='<meta charset=utf-8>'><meta charset=koi8-r>",
            b"<meta charset=nonsense><meta charset=koi8-r>",
            b"1 < 2 <3 <meta charset=koi8-r>",
            b"<meta charset=koi8-r charset=utf-8>",
            b'<?xml version="1.0" encoding="koi8-r"?>',
            b"<?xml version='1.0' encoding = 'koi8-r' ?>",
        ):
            self.assertTrue(self.declares(start), start)

    def test_what_declares_nothing(self) -> None:
        """What browsers don't take for a declaration is none."""
        for start in (
            b"<!-- <meta charset=koi8-r> -->",
            b"<a title='<meta charset=koi8-r>'>",
            b"<metadata charset=koi8-r>",
            b"<meta name=charset content=koi8-r>",
            b"<meta content='text/html; charset=koi8-r'>",
            b"<meta http-equiv=refresh content='charset=koi8-r'>",
            b"<meta http-equiv=content-type content='charset=\"koi8-r'>",
            b"<meta http-equiv=content-type content='charset='>",
            b"</meta charset=koi8-r>",
            b"<!-- <meta charset=koi8-r>",
            b"<meta charset='koi8-r>",
            b" <?xml version='1.0' encoding='koi8-r'?>",
            b"<?xml version='1.0' encoding=koi8-r?>",
        ):
            self.assertFalse(self.declares(start), start)

    def test_only_the_first_1024_bytes(self) -> None:
        """A meta that is not whole in the first 1024 bytes is too late."""
        meta = b"<meta charset=koi8-r>"
        room = b" " * (charset.PRESCAN - len(meta))
        self.assertTrue(self.declares(room + meta))
        self.assertFalse(self.declares(room + b" " + meta))

    def test_utf_16_in_ascii(self) -> None:
        """A meta that claims UTF-16 in ASCII bytes means UTF-8."""
        for label in (b"utf-16", b"UTF-16LE", b"utf-16be"):
            page = b"<meta charset=" + label + b">" + "café".encode()
            self.assertTrue(charset.decode(page, None).endswith("café"))

    def test_xml_in_utf_16(self) -> None:
        """An XML declaration in UTF-16 tells its byte order without a mark."""
        page = '<?xml version="1.0"?><p>café'
        for codec in ("utf-16-le", "utf-16-be"):
            self.assertEqual(charset.decode(page.encode(codec), None), page)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.sampled_from(
                [b"<", b"meta", b" ", b"charset", b"=", b"'", b'"', b">", b"/", b"!--", b"-->", b"?xml"]
            )
            | st.binary(max_size=3),
            max_size=40,
        )
    )
    def test_any_bytes(self, parts: list[bytes]) -> None:
        """Any bytes are read as some text, or skipped as unreadable."""
        try:
            charset.decode(b"".join(parts), None)
        except Skip as skip:
            self.assertEqual(skip.reason, Reason.UNREADABLE)

"""Every label of the WHATWG Encoding Standard, and what its decoders make of right and of wrong bytes.

The digests were made by the standard's algorithms, written out step by step, over its own index files as of
May 2026: not by the codecs that they judge.
"""

import hashlib
import re
from itertools import product
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import charset
from netsuite.words.skipped import Reason, Skip

#: Encoding Standard §4.2, "Names and labels".
LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "ibm866": "866 cp866 csibm866 ibm866",
    "iso-8859-2": (
        "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"
    ),
    "iso-8859-3": (
        "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"
    ),
    "iso-8859-4": (
        "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"
    ),
    "iso-8859-5": (
        "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988"
    ),
    "iso-8859-6": (
        "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 "
        "iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"
    ),
    "iso-8859-7": (
        "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 "
        "iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek"
    ),
    "iso-8859-8": (
        "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 "
        "iso88598 iso_8859-8 iso_8859-8:1988 visual"
    ),
    "iso-8859-8-i": "csiso88598i iso-8859-8-i logical",
    "iso-8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso-8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso-8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso-8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso-8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "macintosh": "csmacintosh mac macintosh x-mac-roman",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "windows-1250": "cp1250 windows-1250 x-cp1250",
    "windows-1251": "cp1251 windows-1251 x-cp1251",
    "windows-1252": (
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 "
        "iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"
    ),
    "windows-1253": "cp1253 windows-1253 x-cp1253",
    "windows-1254": (
        "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 "
        "iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254"
    ),
    "windows-1255": "cp1255 windows-1255 x-cp1255",
    "windows-1256": "cp1256 windows-1256 x-cp1256",
    "windows-1257": "cp1257 windows-1257 x-cp1257",
    "windows-1258": "cp1258 windows-1258 x-cp1258",
    "x-mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gbk": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "gb18030": "gb18030",
    "big5": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso-2022-jp": "csiso2022jp iso-2022-jp",
    "shift_jis": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "euc-kr": (
        "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 "
        "ksc_5601 windows-949"
    ),
    "replacement": "csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement",
    "utf-16be": "unicodefffe utf-16be",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    "x-user-defined": "x-user-defined",
}

#: Of what `stream` holds in each legacy encoding, decoded.
DIGESTS = {
    "ibm866": "cb762fc8f51a2b37",
    "iso-8859-2": "b8a2414497430dbe",
    "iso-8859-3": "c2617bde9996a839",
    "iso-8859-4": "fa0bd9b3402cf5c3",
    "iso-8859-5": "dc81813df4ef333f",
    "iso-8859-6": "82b840ad41ef6a81",
    "iso-8859-7": "8a89fbf456d21f38",
    "iso-8859-8": "b2a4fb98130445cd",
    "iso-8859-8-i": "b2a4fb98130445cd",
    "iso-8859-10": "fa84ddad114a4d06",
    "iso-8859-13": "3617af8192f54c8b",
    "iso-8859-14": "e7c6e2ed692cee93",
    "iso-8859-15": "9198c8425175e8d4",
    "iso-8859-16": "917a5035dd0b043d",
    "koi8-r": "6c5201d0c2dc0440",
    "koi8-u": "a6f391b28387f239",
    "macintosh": "f0a29662fd89d3b7",
    "windows-874": "0efa7dbd1cf1e6e8",
    "windows-1250": "4888c5a24a68f164",
    "windows-1251": "1ec7623509bfaf0a",
    "windows-1252": "1586f3fff0ccfaa5",
    "windows-1253": "198b962a3ba8b9b0",
    "windows-1254": "ef2a596672947dc8",
    "windows-1255": "8aa73da6fe651776",
    "windows-1256": "1b66450bffbe4cff",
    "windows-1257": "2ed3d24a8da98fd0",
    "windows-1258": "6bed089a9ae6a82e",
    "x-mac-cyrillic": "af55aa9f1cece91a",
    "gbk": "fecae93f1c1b6b2a",
    "gb18030": "fecae93f1c1b6b2a",
    "big5": "9a08706c7aff3737",
    "euc-jp": "5f2149f500f24fb0",
    "iso-2022-jp": "4874412b1f2aca4d",
    "shift_jis": "2a5a21a1c5aa2eb8",
    "euc-kr": "c4276bc2fd8866d7",
    "x-user-defined": "cdabb7454bc3a54f",
}

UTF = {"utf-8": "utf-8", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le"}

#: Bytes on which decoders take turns: letters, trails, leads of two to four bytes, none, markup.
HARD = b"\x30\x5c\x7f\x80\x81\x8e\x8f\xa1\xd5\xfe\xff<"
HARD_ESCAPES = b"\x0e\x1b!$(0BIJ\\~\x80"


def stream(encoding: str) -> bytes:
    """Return bytes that try an encoding: each byte, or each pair and hard triples and quadruples in lines."""
    if encoding == "iso-2022-jp":
        pairs = [b"\x1b$B" + bytes(pair) + b"\x1b(B" for pair in product(range(0x21, 0x7F), repeat=2)]
        return b"\n".join([*pairs, *map(bytes, product(HARD_ESCAPES, repeat=4))])
    if encoding in ("gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr"):
        lines = [
            *product(range(0x80, 0x100), range(0x100)),
            *product(HARD, repeat=3),
            *product(HARD, repeat=4),
        ]
        if encoding == "euc-jp":
            lines += product([0x8F], range(0xA1, 0xFF), range(0xA1, 0xFF))
        if encoding.startswith("gb"):
            lines += product(
                [0x81, 0x82, 0x83, 0x84, 0x90, 0xE3], range(0x30, 0x3A), range(0x81, 0xFF), [0x30, 0x37]
            )
        return b"\n".join(map(bytes, lines))
    return bytes(range(256))


def digest(text: str) -> str:
    """Return what tells two decoded texts apart."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()


class LabelTests(SynchronousTestCase):
    def test_every_label(self) -> None:
        """Each label, in any case and with white space around, is its encoding; replacement is unreadable."""
        every = [(name, label) for name, labels in LABELS.items() for label in labels.split()]
        self.assertEqual((len(LABELS), len(every)), (40, 228))
        for name, label in every:
            for form in (label, label.upper(), f"\t\n\f\r {label} "):
                if name == "replacement":
                    skip = self.assertRaises(Skip, charset.decode, b"a", form)
                    self.assertEqual(skip.reason, Reason.UNREADABLE, label)
                else:
                    self.assertEqual(charset._lookup(form), name, form)
        for label in (
            "",
            "utf 8",
            "utf-7",
            "utf-32",
            "cp437",
            "hex",
            "rot13",
            "idna",
            "k",
            "\u212aoi8-r",
            "utf-8\0",
        ):
            self.assertIsNone(charset._lookup(label), label)

    def test_by_header(self) -> None:
        """By the header, each label's decoder is its encoding's."""
        for name, labels in LABELS.items():
            for label in labels.split() if name != "replacement" else ():
                sample = b"\xb0\xa1\xc5\xe4\x81<" if name in DIGESTS else "ż<".encode(UTF[name])
                self.assertEqual(charset.decode(sample, label), charset.decode(sample, name), label)

    def test_by_meta(self) -> None:
        """In a meta UTF-16 means UTF-8 and x-user-defined windows-1252; the others mean themselves."""
        meant = {"utf-16be": "utf-8", "utf-16le": "utf-8", "x-user-defined": "windows-1252"}
        for name, labels in LABELS.items():
            for label in labels.split() if name != "replacement" else ():
                for form in (f"<meta charset='{label}'>", f'<?xml version="1.0" encoding="{label}"?>'):
                    page = form.encode() + b"\xb0\xa1\xc5\xe4<p>"
                    self.assertEqual(
                        charset.decode(page, None), charset.decode(page, meant.get(name, name)), label
                    )

    def test_quotes_in_meta(self) -> None:
        """A quote that is part of a meta's label makes it unknown; servers' quotes around theirs do not."""
        page = b'<meta charset=koi8-r">\xe9'
        self.assertEqual(charset.decode(page, None)[-1], "é")
        self.assertEqual(charset.decode(page, '"koi8-r"')[-1], "И")


class DecoderTests(SynchronousTestCase):
    def test_every_legacy_decoder(self) -> None:
        """Each legacy encoding's every byte or pair, and hard mixtures, decode as the standard has it."""
        self.assertEqual(set(DIGESTS), set(LABELS) - set(UTF) - {"replacement"})
        for name, wanted in DIGESTS.items():
            self.assertEqual(digest(stream(name).decode(charset._codec(name))), wanted, name)

    def test_wrong_bytes_take_nothing_along(self) -> None:
        """A wrong byte becomes U+FFFD; ASCII after it stays, so that no markup is swallowed."""
        for name, lead in {
            "big5": b"\x81",
            "euc-kr": b"\xc9",
            "euc-jp": b"\x8f\xa1",
            "shift_jis": b"\x81",
            "gbk": b"\x81",
            "gb18030": b"\x81\x30\x81",
            "utf-8": b"\xf0\x9f\x98",
        }.items():
            found = charset.decode(lead + b"<p>x", name)
            self.assertTrue(found.startswith("\ufffd") and found.endswith("<p>x"), (name, found))
            self.assertTrue(charset.decode(b"x" + lead, name).startswith("x\ufffd"), name)

    def test_utf_8(self) -> None:
        """UTF-8's wrong sequences give a U+FFFD for each longest part that could have begun a character."""
        for wrong, times in {
            b"\xc0\x80": 2,
            b"\xe0\x80\x80": 3,
            b"\xed\xa0\x80": 3,
            b"\xf4\x90\x80\x80": 4,
            b"\xf0\x9f\x98": 1,
            b"\xe2\x82": 1,
            b"\xff\xfe\xfd"[1:]: 2,
        }.items():
            self.assertEqual(charset.decode(b"a" + wrong + b"b", "utf-8"), f"a{chr(0xFFFD) * times}b", wrong)

    def test_utf_16(self) -> None:
        """UTF-16's lone surrogates and odd last byte become U+FFFD, one each; no mark is needed."""
        for name, codec in UTF.items():
            if name != "utf-8":
                lone = "a\ud800b\udc00c😀".encode(codec, "surrogatepass")
                self.assertEqual(charset.decode(lone, name), "a\ufffdb\ufffdc😀")
                self.assertEqual(charset.decode(lone + b"\0", name), "a\ufffdb\ufffdc😀\ufffd")
        self.assertEqual(charset.decode("語a".encode("utf-16-le"), "utf-16"), "語a")

    def test_mark_beats_every_label(self) -> None:
        """A byte order mark wins over any label, and over UTF-16 of the other order."""
        for label in DIGESTS:
            self.assertEqual(charset.decode(b"\xef\xbb\xbf\xc3\xa9", label), "é", label)
        self.assertEqual(charset.decode(b"\xff\xfe\xe9\0", "utf-16be"), "é")


class DeclaredTests(SynchronousTestCase):
    """html5lib-tests' encoding data, under the licence beside it: a page's first bytes, and its encoding."""

    #: Declared past the first 1024 bytes.  A browser begins anew where it meets such a ``meta``; the rule of
    #: FEATURES §3.1 is the first 1024 bytes, then UTF-8 if the bytes are valid as that.
    LATE = {f"tests1:{number}" for number in range(48, 55)}

    def test_declared(self) -> None:
        """What pages declare is found, and nothing else; their windows-1252 is what is left without."""
        differing = set()
        number = 0
        for path in sorted((Path(__file__).parent / "declared_encodings").glob("*.dat")):
            for at, case in enumerate(re.split(rb"(?:\A|\n)#data\n", path.read_bytes())[1:], 1):
                page, _, name = case.partition(b"\n#encoding\n")
                wanted = charset._lookup(name.decode().strip())
                marked = page.startswith(b"\xef\xbb\xbf")
                found = "utf-8" if marked else charset._declared(page[: charset.PRESCAN]) or "windows-1252"
                number += 1
                if found != wanted:
                    differing.add(f"{path.stem}:{at}")
        self.assertEqual(number, 82)
        self.assertEqual(differing, self.LATE)

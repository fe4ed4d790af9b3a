"""The site of colors on the wire: addresses, pages, pictures, files, the list."""

from __future__ import annotations

import json
import re
import struct
import tracemalloc
import zlib
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors.colour import Colour
from netsuite.colors.seen import OWN_MAX, Seen, own_list
from netsuite.colors.service import TUTORIAL_STYLES, Options, make_colors
from netsuite.site.token import FORM
from tests.site.wire import Client, Reply, ask

FIVE = "264653-2a9d8f-e9c46a-f4a261-e76f51"


def text_of(page: str) -> str:
    """What a reader reads of a page, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split()).replace("&#39;", "'")


class ColorsCase(SynchronousTestCase):
    """A site of colours."""

    arguments: tuple[str, ...] = ()

    def setUp(self) -> None:
        options = Options()
        options.parse([*self.arguments])
        self.site, self.desk = make_colors(options.settings, crowd=None, visits=None, reactor=Clock())

    def get(self, path: str, *fields: str, method: str = "GET") -> Reply:
        return ask(self.site, path, *fields, method=method)

    def json(self, path: str) -> Any:
        reply = self.get(path)
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/json"), path)
        return json.loads(reply.text)

    def seen(self, *fields: str) -> list[str]:
        return re.findall(r'href="/color/([0-9a-f]+)">\1<', self.get("/color/", *fields).text)

    def post(self, do: str, *fields: str, token: str | None = None) -> Reply:
        body = f"do={do}&token={token or self.desk.judge.of(FORM)}"
        lines = [
            "POST /color/ HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/x-www-form-urlencoded",
        ]
        head = "\r\n".join([*lines, *fields, f"Content-Length: {len(body)}", "", ""])
        [reply] = Client(self.site).send((head + body).encode())
        return reply


class TutorialTests(ColorsCase):
    """What the tutorial's reader compares with."""

    def test_home(self) -> None:
        """``/`` has the demo's title, what is here, and a link to ``/color``."""
        page = self.get("/").text
        self.assertIn("<title>Colors Demo</title>", page)
        self.assertIn("<h1>Colors Demo</h1>\nWhat's here:", page)
        self.assertIn('<a href="/color">Color viewer</a>', page)

    def test_redirection(self) -> None:
        """``/color`` leads to ``/color/`` in the tutorial's words; ``/colors`` too."""
        for path in ("/color", "/colors"):
            reply = self.get(path)
            self.assertEqual((reply.status, reply.headers["location"]), (301, "/color/"))
            self.assertEqual(reply.text, "please use /colors/ instead.")

    def test_index(self) -> None:
        """``/color/`` says how to see one and has each colour once, in its colour, the first seen first."""
        for name in ("ff0000", "00abef", "ff0000"):
            self.assertEqual(self.get(f"/color/{name}").status, 200)
        for path in ("/color/", "/colors/"):
            page = self.get(path).text
            self.assertIn("To see a color, enter a url like /color/ff0000 .", text_of(page))
            self.assertIn("Colors viewed so far: ff0000 00abef", text_of(page))
            self.assertIn('<a class="chip g-ff0000" href="/color/ff0000">ff0000</a>', page)
            sheet = re.search(r'href="(/chips/[^"]*)"', page)
            assert sheet is not None
            self.assertIn(".g-00abef{background-color:#00abef;color:#000000}", self.get(sheet[1]).text)

    def test_colour(self) -> None:
        """``/color/HEX``: its title, its background, its words, a white paragraph that leads back."""
        page = self.get("/color/00abef").text
        self.assertIn("<title>Color: 00abef</title>", page)
        self.assertIn("<h1>This is #00abef.</h1>", page)
        self.assertIn('<body class="shown g-00abef">', page)
        self.assertIn('<p class="back"><a href="/color/">Back</a></p>', page)
        self.assertRegex(self.get("/static/colors.css").text, r"\.back \{[^}]*background: #fff;")

    def test_styles(self) -> None:
        """``/styles.css`` and ``/css/styles.css`` are the tutorial's; pages link only a user's own."""
        for path in ("/styles.css", "/css/styles.css"):
            reply = self.get(path)
            self.assertEqual(
                (reply.body, reply.headers["content-type"]), (TUTORIAL_STYLES, "text/css; charset=utf-8")
            )
        self.assertNotIn('"/styles.css"', self.get("/color/ff0000").text)
        self.desk.styles, self.desk.own_styles = b"h1 { color: red }", True
        self.assertEqual(self.get("/styles.css").body, b"h1 { color: red }")
        self.assertIn('href="/styles.css"', self.get("/color/ff0000").text)


class AddressTests(ColorsCase):
    def test_one_address(self) -> None:
        """Every way of writing a colour leads to one address, in one step, and is in the list once."""
        for name in (
            "F00",
            "f00",
            "FF0000",
            "%23ff0000",
            "red",
            "rgb(255,0,0)",
            "rgb(255%200%200%20/%20100%25)",
            "ff0000ff",
            "hsl(0,100%25,50%25)",
        ):
            for root in ("/color/", "/colors/"):
                reply = self.get(root + name)
                self.assertEqual((reply.status, reply.headers["location"]), (301, "/color/ff0000"), name)
        self.assertEqual(self.get("/colors/ff0000").headers["location"], "/color/ff0000")
        self.assertEqual(self.get("/color/ff0000").status, 200)
        self.assertEqual(self.seen(), ["ff0000"])

    def test_forms_and_queries(self) -> None:
        """The form and the other colours go along, in their canonical writing too."""
        for path, place in (
            ("/color/RED.json", "/color/ff0000.json"),
            ("/color/red.svg?on=x", "/color/ff0000.svg"),
            ("/color/F00.PNG", "/color/ff0000.png"),
            ("/color/red?on=White", "/color/ff0000?on=ffffff"),
            ("/color/ff0000?over=000&on=fff", "/color/ff0000?on=ffffff&over=000000"),
            ("/color/red?ui=zh", "/color/ff0000?ui=zh"),
            ("/color/?c=tomato", "/color/ff6347"),
        ):
            reply = self.get(path)
            self.assertEqual((reply.status, reply.headers.get("location")), (301, place), path)

    def test_not_a_colour(self) -> None:
        """What is none is 404 with the nearest that is one; its text stands as text, in no style."""
        reply = self.get("/color/fff00")
        self.assertEqual(reply.status, 404)
        self.assertIn('<a class="chip g-ffff00" href="/color/ffff00">#ffff00</a>', reply.text)
        attack = "red;}</style><script>alert(1)</script>"
        for path in (f"/color/{attack}".replace(" ", "%20"), "/color/?c=" + attack.replace(";", "%3B")):
            reply = self.get(path)
            self.assertEqual(reply.status, 404)
            self.assertNotIn("<script>", reply.text)
            self.assertNotIn("</style>", reply.text)
            self.assertIn("&lt;script&gt;", reply.text)
            self.assertNotIn(";}", "".join(re.findall(r"<link[^>]*>", reply.text)))
        self.assertEqual(self.get("/color/nonsense.json").status, 404)
        self.assertEqual(json.loads(self.get("/color/ff00000.json").text)["meant"][0][:4], "ff00")
        self.assertEqual(self.get("/color/" + "f" * 5000).status, 404)
        self.assertEqual(self.seen(), [])

    def test_bad_beside(self) -> None:
        """A text colour that is none is a 400 that says which."""
        reply = self.get("/color/ff0000.json?on=x")
        self.assertEqual(
            (reply.status, json.loads(reply.text)["error"]["message"]), (400, "on: that is no color.")
        )

    def test_no_inline_style(self) -> None:
        """No page has a style of its own or a script, whatever it shows."""
        for path in (
            "/",
            "/color/",
            "/color/ff000080?on=ffff00",
            "/color/fff00",
            f"/palette/{FIVE}",
            "/palette/",
        ):
            page = self.get(path)
            self.assertNotRegex(page.text, r"(?i)<style|style=|<script|javascript:|\son\w+=", path)
            self.assertIn("style-src 'self';", page.headers["content-security-policy"])

    def test_sheets(self) -> None:
        """A sheet has rules of colours only."""
        for path in (
            "/chips/red.css",
            "/chips/ff0000",
            "/chips/.css",
            "/chips/ff0000-}.css",
            "/chips/" + "-".join(["ff0000"] * 1001) + ".css",
        ):
            self.assertEqual(self.get(path).status, 404, path[:40])
        self.assertIn("immutable", self.get("/chips/ff0000.css").headers["cache-control"])

    def test_links(self) -> None:
        """Every link on the page of a colour is answered 200 without a redirection."""
        for page in (self.get("/color/3366cc80?on=ffffff"), self.get(f"/palette/{FIVE}"), self.get("/")):
            for path in set(re.findall(r'(?:href|src)="([^"]+)"', page.text)) - {"/color", "#main"}:
                self.assertEqual(self.get(path.replace("&amp;", "&")).status, 200, path)


class JsonTests(ColorsCase):
    def test_sample(self) -> None:
        """The documentation's sample is what comes, with more keys."""
        told = self.json("/color/777777.json?on=ffffff")
        sample = {
            "hex": "777777",
            "name": None,
            "nearest": {"name": "gray", "hex": "808080", "deltaE": 0.03},
            "contrast": {"on": "ffffff", "ratio": 4.47, "aa": False, "aa_large": True, "aaa": False},
            "passing": {"aa": {"hex": "767676", "ratio": 4.54}, "aaa": {"hex": "595959", "ratio": 7.0}},
        }
        self.assertEqual(
            {key: told[key] for key in ("hex", "name", "nearest")},
            {key: sample[key] for key in ("hex", "name", "nearest")},
        )
        for key in ("contrast", "passing"):
            for name, value in sample[key].items():  # type: ignore[attr-defined]
                self.assertEqual(
                    told[key][name] if key == "contrast" else {k: told[key][name][k] for k in value}, value
                )
        self.assertEqual(list(told)[:5], list(sample))
        self.assertIsNone(told["passing_on"]["aaa"])

    def test_the_page_says_the_same(self) -> None:
        """The page shows the ratio, the levels, the nearest that passes, or that none exists."""
        page = text_of(self.get("/color/777777?on=ffffff").text)
        self.assertIn("#ffffff 4.47 AA ✗ fails AAA ✗ fails AA ✓ AAA ✗ fails", page)
        self.assertIn("Instead of #777777 #767676 4.54 · ΔE 0.003 #595959 7.00 · ΔE 0.105", page)
        self.assertIn("none exists", page)

    def test_clear(self) -> None:
        """A clear colour's contrast is that of what is seen where it lies over another."""
        for over, seen in (("ffffff", "ff7f7f"), ("000000", "800000")):
            told = self.json(f"/color/ff000080.json?on=000000&over={over}")
            self.assertEqual((told["seen"], told["over"], told["alpha"]), (seen, over, 0.502))
            plain = self.json(f"/color/{seen}.json?on=000000")
            self.assertEqual(told["contrast"], plain["contrast"])
        page = self.get("/color/ff000080").text
        self.assertIn('class="shown clear g-ff000080"', page)
        self.assertIn("repeating-conic-gradient", self.get("/static/colors.css").text)

    def test_kept_for_ever(self) -> None:
        """JSON, pictures and files are kept for ever; pages are asked for again, and are then 304."""
        for path in (
            "/color/ff0000.json",
            "/color/ff0000.svg",
            "/color/ff0000.png",
            f"/palette/{FIVE}.json",
            f"/palette/{FIVE}.gpl",
        ):
            self.assertEqual(
                self.get(path).headers["cache-control"], "public, max-age=31536000, immutable", path
            )
        for path in ("/color/ff0000", f"/palette/{FIVE}", "/"):
            page = self.get(path)
            self.assertEqual(page.headers["cache-control"], "no-cache")
            self.assertEqual(self.get(path, f"If-None-Match: {page.headers['etag']}").status, 304)

    def test_remembered(self) -> None:
        """A page is made once for a language; another language, other colours and styles are other pages."""
        english, chinese = self.get("/color/123456"), self.get("/color/123456", "Accept-Language: zh")
        self.assertIn('lang="zh-Hans"', chinese.text)
        self.assertEqual(self.get("/color/123456").body, english.body)
        self.assertEqual(self.get("/color/123456", "Accept-Language: zh").body, chinese.body)
        self.assertIn("#ffff00", self.get("/color/123456?on=ffff00").text)
        self.assertIn("x=1", self.get("/color/123456?x=1").text)
        self.assertEqual(self.get("/color/123456").body, english.body)
        self.assertIn("netsuite_ui=zh", self.get("/color/123456?ui=zh").headers["set-cookie"])
        self.assertNotIn("set-cookie", self.get("/color/123456").headers)
        for number in range(300):
            self.get(f"/color/0001{number:02x}")
        self.assertEqual(self.get("/color/123456").body, english.body)

    def test_pictures(self) -> None:
        """A picture has the colour's pixels, and its opacity."""
        for name, kind, depth in (("00abef", 2, 3), ("00abef80", 6, 4)):
            png = self.get(f"/color/{name}.png").body
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            chunks, at = {}, 8
            while at < len(png):
                size, what = struct.unpack(">I4s", png[at : at + 8])
                data = png[at + 8 : at + 8 + size]
                [check] = struct.unpack(">I", png[at + 8 + size : at + 12 + size])
                self.assertEqual(check, zlib.crc32(what + data))
                chunks[what], at = data, at + 12 + size
            width, height, bits, colour_kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
            self.assertEqual((width, height, bits, colour_kind), (64, 64, 8, kind))
            rows = zlib.decompress(chunks[b"IDAT"])
            self.assertEqual(rows, (b"\0" + bytes.fromhex(name) * 64) * 64)
            self.assertEqual(len(rows), 64 * (1 + 64 * depth))
        svg = self.get("/color/00abef80.svg")
        self.assertEqual(svg.headers["content-type"], "image/svg+xml")
        self.assertIn('fill="#00abef" fill-opacity="0.5020"', svg.text)


class PaletteTests(ColorsCase):
    def test_pairs(self) -> None:
        """Five colours have ten pairs, whose ratios are those of the single pages."""
        told = self.json(f"/palette/{FIVE}.json")
        self.assertEqual(len(told["pairs"]), 10)
        for pair in told["pairs"]:
            single = self.json(f"/color/{pair['a']}.json?on={pair['b']}")["contrast"]
            self.assertEqual(
                {key: pair[key] for key in ("ratio", "aa", "aaa")},
                {key: single[key] for key in ("ratio", "aa", "aaa")},
            )
        self.assertEqual(set(told["closest"]), {"usual", "protanopia", "deuteranopia", "tritanopia"})
        self.assertEqual(self.get(f"/palette/{FIVE}").text.count("?on="), 20)

    def test_closest(self) -> None:
        """Red and green that most people tell apart are closest for who lacks cones."""
        told = self.json("/palette/b3492e-6b7a2d-1144cc.json")["closest"]
        self.assertEqual({told["deuteranopia"]["a"], told["deuteranopia"]["b"]}, {"b3492e", "6b7a2d"})
        self.assertLess(told["deuteranopia"]["deltaE"], told["usual"]["deltaE"])

    def test_files(self) -> None:
        """GPL, ASE and CSS hold the colours, in order, by name where they have one."""
        gpl = self.get("/palette/ff0000-264653.gpl").text.splitlines()
        self.assertEqual((gpl[0], gpl[-2:]), ("GIMP Palette", ["255   0   0\tred", " 38  70  83\t264653"]))
        css = self.get("/palette/ff0000-264653.css")
        self.assertEqual(css.text, ":root {\n  --color-1: #ff0000;\n  --color-2: #264653;\n}\n")
        ase = self.get("/palette/ff0000-264653.ase").body
        self.assertEqual(struct.unpack(">4sHHI", ase[:12]), (b"ASEF", 1, 0, 2))
        at, found = 12, []
        while at < len(ase):
            kind, size, letters = struct.unpack(">HIH", ase[at : at + 8])
            end = at + 8 + 2 * letters
            name = ase[at + 8 : end].decode("utf-16-be").rstrip("\0")
            model, red, green, blue, use = struct.unpack(">4sfffH", ase[end : end + 18])
            self.assertEqual((kind, model, use, at + 6 + size), (1, b"RGB ", 2, end + 18))
            found.append((name, [round(255 * part) for part in (red, green, blue)]))
            at = end + 18
        self.assertEqual(found, [("red", [255, 0, 0]), ("264653", [38, 70, 83])])

    def test_one_address(self) -> None:
        """Every way of writing a palette leads to one; what is none is told."""
        for path in (
            "/palette/RED,lime",
            "/palette/f00-0f0-red",
            "/palette/?colors=red+lime",
            "/palette/%23ff0000%20lime",
        ):
            reply = self.get(path)
            self.assertEqual((reply.status, reply.headers["location"]), (301, "/palette/ff0000-00ff00"), path)
        for path in ("/palette/red", "/palette/red-<b>", "/palette/?colors=red+x", "/palette/red.gpl"):
            reply = self.get(path)
            self.assertEqual(reply.status, 404, path)
            self.assertNotIn("<b>", reply.text)
        self.assertEqual(self.get("/palette").headers["location"], "/palette/")


class ListTests(ColorsCase):
    arguments = ("--seen", "3")

    def test_bounded(self) -> None:
        """Past the bound the first seen goes; 10,000 colours take no more memory than three."""
        for number in range(5):
            self.get(f"/color/00000{number}")
        self.assertEqual(self.seen(), ["000002", "000003", "000004"])
        seen = Seen(500)
        for number in range(600):
            seen.add(Colour(0, number >> 8, number & 255))
        tracemalloc.start()
        for number in range(10_000):
            seen.add(Colour(1, number >> 8, number & 255))
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertEqual(len(seen), 500)
        self.assertLess(grown, 256 * 1024)

    def test_what_counts(self) -> None:
        """Only a page that is looked at counts: no HEAD, no picture, no JSON, no mistake."""
        self.get("/color/ff0000", method="HEAD")
        for path in ("/color/00ff00.json", "/color/00ff00.svg", "/color/lime", "/color/fff00"):
            self.get(path)
        self.assertEqual(self.seen(), [])

    def test_reset(self) -> None:
        """The list is emptied by who has the page's token, and by nobody else."""
        self.get("/color/ff0000")
        self.assertEqual(self.post("reset", token="wrong").status, 401)
        self.assertEqual(self.post("reset", "Origin: https://evil.example").status, 403)
        self.assertEqual(self.seen(), ["ff0000"])
        self.assertEqual(self.post("nonsense").status, 400)
        reply = self.post("reset")
        self.assertEqual((reply.status, reply.headers["location"]), (303, "/color/"))
        self.assertEqual(self.seen(), [])

    def test_off(self) -> None:
        """A visitor who doesn't want to be listed isn't, until they want it again."""
        cookie = self.post("off").headers["set-cookie"]
        self.assertTrue(cookie.endswith("SameSite=Strict; HttpOnly"))
        told = "Cookie: " + cookie.partition(";")[0]
        self.get("/color/ff0000", told)
        self.assertEqual(self.seen(told), [])
        self.assertIn("What you view is not listed.", self.get("/color/", told).text)
        self.assertIn("Max-Age=0", self.post("again", told).headers["set-cookie"])


class PrivateTests(ColorsCase):
    arguments = ("--private",)

    def test_own_lists(self) -> None:
        """Each visitor sees what they viewed; nothing of it is kept here."""
        first = self.get("/color/ff0000").headers["set-cookie"].partition(";")[0]
        second = self.get("/color/00ff00", f"Cookie: {first}").headers["set-cookie"].partition(";")[0]
        self.assertEqual(self.seen(f"Cookie: {second}"), ["ff0000", "00ff00"])
        self.assertEqual(self.seen(), [])
        self.assertNotIn("set-cookie", self.get("/color/ff0000", f"Cookie: {second}").headers)
        self.assertIn("Max-Age=0", self.post("reset", f"Cookie: {second}").headers["set-cookie"])

    def test_hostile_cookie(self) -> None:
        """What in a cookie is no colour is left out, and what is too much."""
        self.assertEqual(
            self.seen("Cookie: netsuite_colors=<b>-ff0000-red-zz; x; =; netsuite_colors_off"), ["ff0000"]
        )
        long = "-".join(f"{number:06x}" for number in range(3000))
        self.assertEqual(len(own_list(long)), OWN_MAX)
        self.assertEqual(len(self.seen(f"Cookie: netsuite_colors={long}")), OWN_MAX)


class NoListTests(ColorsCase):
    arguments = ("--no-list",)

    def test_no_list(self) -> None:
        """Nothing is kept, and the page doesn't speak of a list."""
        self.assertNotIn("set-cookie", self.get("/color/ff0000").headers)
        self.assertNotIn("viewed so far", self.get("/color/").text)
        self.assertEqual(self.post("reset").status, 400)


class OptionTests(SynchronousTestCase):
    def test_faults(self) -> None:
        """What can't be is told before anything starts."""
        for arguments, told in (
            (["--seen", "0"], "--seen"),
            (["--seen", "1001"], "--seen"),
            (["--no-list", "--private"], "--private"),
            (["-p", "tcp:8000"], "--port"),
            (["--max-body", "x"], "--max-body"),
        ):
            with self.assertRaises(Exception) as caught:
                Options().parse(arguments)
            self.assertIn(told, str(caught.exception))

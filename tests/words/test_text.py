"""What a reader sees of a document: the HTML rule, case by case, and hostile trees in linear time."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.words.text import BLOCKS, BOILERPLATE, TITLE_MAX, UNSEEN, Document, WordParser

VOID = {"br", "hr", "col"}
#: Elements whose tags, or text, a browser drops or moves where they stand outside a table's order.
TABLE_PARTS = {"table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"}
ROOTS = {"html", "body", "frameset", "plaintext"}


def html(page: str) -> Document:
    return WordParser().html(page)


def main(page: str) -> list[str]:
    return html(page).main.split()


class SeparationTests(SynchronousTestCase):
    def test_blocks_separate(self) -> None:
        """Each block ends the word before it and the word inside it."""
        for tag in BLOCKS - VOID - TABLE_PARTS - ROOTS:
            found = html(f"<div>a<{tag}>b</{tag}>c</div>")
            self.assertEqual(
                found.main.split() + found.other.split(),
                ["a", "c", "b"] if found.other.strip() else ["a", "b", "c"],
                tag,
            )

    def test_void_blocks_separate(self) -> None:
        """br and hr end a word."""
        self.assertEqual(main("a<br>b<br/>c<hr>d</br>e"), list("abcde"))

    def test_tables(self) -> None:
        """Cells, rows and captions separate words; text that is misplaced in a table comes before it."""
        page = "<table><caption>a</caption><col><tr><th>b<td>c<tr><td>d</table>e"
        self.assertEqual(main(page), list("abcde"))
        self.assertEqual(main("<table><tr><td>cell</table>"), ["cell"])
        self.assertEqual(main("<table>stray<tr><td>cell</table>"), ["stray", "cell"])

    def test_inline_elements_do_not(self) -> None:
        """Inline and unknown elements, wbr and comments leave a word whole."""
        known = (
            "a abbr b bdi bdo cite code data em font i ins del kbd label mark q s samp small span strong sub"
        )
        rarer = "sup time u var big tt x-tag blink nobr output ruby slot foo"
        for tag in [*known.split(), *rarer.split()]:
            self.assertEqual(main(f"<p>w<{tag}>or</{tag}>d"), ["word"], tag)
        page = "<p>w<wbr>o<!-- c -->r<img alt=no>d<?pi no?></x>s<input value=no>!"
        self.assertEqual(main(page), ["words!"])

    def test_drop_cap(self) -> None:
        """A word whose first letter is styled is one word."""
        self.assertEqual(main("<p><span class=cap>O</span>nce upon"), ["Once", "upon"])

    def test_misnested(self) -> None:
        """Carelessly nested elements give what a browser makes of them."""
        self.assertEqual(main("<p>a<b>b<p>c</b>d<p>e"), ["ab", "cd", "e"])
        self.assertEqual(main("<ul><li>a<li>b</ul><dl><dt>c<dd>d</dl>"), list("abcd"))
        self.assertEqual(main("<a>x<div>y</a>z</div>"), ["x", "yz"])
        self.assertEqual(main("</p>a</div>b"), ["ab"])

    def test_references(self) -> None:
        """Character references are decoded, also those without a semicolon; NUL vanishes."""
        self.assertEqual(
            main("caf&eacute; &#x65;&#769; a&ampb &#0; x\0y"), ["café", "e\u0301", "a&b", "\ufffd", "xy"]
        )
        self.assertEqual(main("soft&shy;ly"), ["soft\u00adly"])


class LeftOutTests(SynchronousTestCase):
    def test_unseen_elements(self) -> None:
        """What a reader does not see is not text, and leaves no gap in a word."""
        for tag in UNSEEN:
            self.assertEqual(main(f"<p>w<{tag}>no</{tag}>ord"), ["word"], tag)

    def test_attributes_are_no_text(self) -> None:
        """alt, title, placeholder, value and label are not text."""
        page = "<p title=no>a<img alt=no><input placeholder=no value=no><optgroup label=no></optgroup>"
        self.assertEqual(main(page), ["a"])

    def test_head_is_no_text(self) -> None:
        """Only the body is read; text in the head's place begins the body."""
        self.assertEqual(main("<html><head><title>no</title><meta content=no></head><body>yes"), ["yes"])
        self.assertEqual(main("<head>yes<title>also</title>"), ["yesalso"])
        self.assertEqual(main("<!doctype html>yes</body></html> after"), ["yes", "after"])

    def test_hidden(self) -> None:
        """A hidden subtree is left out, whatever the attribute's value, and the word around it is whole."""
        for attribute in ("hidden", "hidden=''", "HIDDEN=until-found", "hidden=false"):
            self.assertEqual(main(f"<p>w<b {attribute}>no<i>no</i></b>ord"), ["word"], attribute)
            self.assertEqual(main(f"w<div {attribute}>no<p>no</p></div>ord"), ["word"], attribute)
        self.assertEqual(main("<body hidden>no"), [])
        self.assertEqual(main("<html hidden>no"), [])

    def test_aria_hidden(self) -> None:
        """So is aria-hidden="true", but as a block it still separates, since it is on the page."""
        self.assertEqual(main("<p>w<b aria-hidden=true>no</b>ord"), ["word"])
        self.assertEqual(main("a<div ARIA-HIDDEN=TRUE>no<p>no</p></div>b"), ["a", "b"])
        self.assertEqual(
            main("a<b aria-hidden=false>b</b><b aria-hidden>c</b><b data-hidden>d</b>"), ["abcd"]
        )
        self.assertEqual(main("<html aria-hidden=true>no"), [])

    def test_fallback_is_text(self) -> None:
        """The fallback of an object, video or canvas is text; what frames hold is not."""
        self.assertEqual(main("<object>a</object><video>b</video><canvas>c</canvas>"), ["abc"])
        self.assertEqual(main("<frameset><frame></frameset><noframes>no</noframes>"), [])

    def test_foreign(self) -> None:
        """Drawings and formulas are left out with all that HTML is inside them."""
        self.assertEqual(main("a<svg><text>no</text><foreignObject><p>no</p></foreignObject></svg>b"), ["ab"])
        self.assertEqual(main("a<math><mtext>no</mtext></math>b"), ["ab"])
        self.assertEqual(main("a<svg><p>out</svg>b"), ["a", "outb"])


class BoilerplateTests(SynchronousTestCase):
    def test_apart(self) -> None:
        """Text in nav, header, footer and aside is other text, wherever they stand."""
        for tag in BOILERPLATE:
            for page in ("a<{0}>b<p>c<b>d</b></{0}>e", "<main><article>a<{0}>b<p>cd</{0}></article>e</main>"):
                found = html(page.format(tag))
                self.assertEqual((found.main.split(), found.other.split()), (["a", "e"], ["b", "cd"]), tag)

    def test_nested(self) -> None:
        """Leaving one inside another is not leaving the outer one."""
        found = html("a<header>b<nav>c</nav>d<main>e</main></header>f")
        self.assertEqual(found.main.split(), ["a", "f"])
        self.assertEqual(found.other.split(), ["b", "c", "d", "e"])

    def test_no_word_crosses(self) -> None:
        """The text before and after one is two words, so is that in two of them."""
        found = html("a<nav>b</nav>c<nav>d</nav>e")
        self.assertEqual(found.main.split(), ["a", "c", "e"])
        self.assertEqual(found.other.split(), ["b", "d"])

    def test_hidden_inside(self) -> None:
        """A hidden one changes nothing."""
        found = html("a<nav hidden>no</nav>b<nav aria-hidden=true>no</nav>c")
        self.assertEqual((found.main.split(), found.other.split()), (["ab", "c"], []))


class HeadTests(SynchronousTestCase):
    def test_title(self) -> None:
        """The title is the document's first, its white space collapsed."""
        for page, title in {
            "": "",
            "<title>a</title>": "a",
            "<title>\n a \t&amp;\u00a0 b\u3000c </title><title>no</title>": "a & b c",
            "<title>a<b>b</title>": "a<b>b",
            "<body><p><title>late</title>": "late",
            "<svg><title>no</title></svg><title>yes</title>": "yes",
            "<svg><title>no</title></svg>": "",
            "<template><title>no</title></template>": "",
            "<title></title><title>no</title>": "",
        }.items():
            self.assertEqual(html(page).title, title, page)

    def test_title_bound(self) -> None:
        """A title ends at its bound, and a long one costs no more."""
        self.assertEqual(html(f"<title>{'é' * 5000}").title, "é" * TITLE_MAX)
        self.assertLessEqual(len(html(f"<title>{'ab ' * 500_000}").title), TITLE_MAX)
        self.assertEqual(html("<svg>" + "<title>x</title>" * 100_000).title, "")

    def test_lang(self) -> None:
        """The language is the root's, else the body's, as written; an empty one is none."""
        for page, lang in {
            "<html lang=de-AT>": "de-AT",
            "<html lang=''><body lang=fr>": "fr",
            "<html xml:lang=it>": "it",
            "<html lang=de xml:lang=it>": "de",
            "<html><p lang=fr>": None,
        }.items():
            self.assertEqual(html(page).lang, lang, page)

    def test_password(self) -> None:
        """A page that may ask for a password says so, wherever the field is."""
        for page in (
            "<input type=password>",
            "<INPUT TYPE='PassWord '>",
            '<form hidden><input name=x type="password">',
            "<template><input type=password></template>",
            "<noscript><form><input type=password></form></noscript>",
            "<nav><select></select><input type=password></nav>",
            "<svg><foreignObject><input type=password></foreignObject></svg>",
        ):
            self.assertTrue(html(page).has_password, page)
        for page in (
            "<p>password<input type=text name=password>",
            "<!-- <input type=password> --><textarea><input type=password></textarea>",
            "<noscript><input type=text></noscript><noscript>password</noscript>",
            "<input type><input type=passwordx><p type=password>",
        ):
            self.assertFalse(html(page).has_password, page)


class OtherKindsTests(SynchronousTestCase):
    def test_plain_text(self) -> None:
        """Plain text is main text as it stands."""
        text = "<p>a&amp;b</p>\n<title>x\0"
        self.assertEqual(WordParser().plain(text), Document(None, "", text, "", False))

    def test_well_formed_xhtml(self) -> None:
        """XHTML closes what it says it closes, and its CDATA is text."""
        page = (
            '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="de">'
            '<head><script src="x"/><title>T</title></head>'
            "<body><p>a<b>b</b></p>c<nav>d</nav><![CDATA[<e>]]><div hidden='hidden'>no</div>"
            "<svg xmlns='http://www.w3.org/2000/svg'><title>no</title></svg>"
            "<input type='password'/></body></html>"
        )
        found = WordParser().xhtml(page)
        self.assertEqual((found.lang, found.title, found.has_password), ("de", "T", True))
        self.assertEqual((found.main.split(), found.other.split()), (["ab", "c", "<e>"], ["d"]))

    def test_xhtml_that_is_none(self) -> None:
        """What only claims to be XHTML is read as HTML."""
        for page in ("<p>a<br>b&nbsp;c", "a", "", "<html><body><p>a</body></html>", "<p>&undefined;</p>"):
            self.assertEqual(WordParser().xhtml(page), WordParser().html(page), page)


class HostileTests(SynchronousTestCase):
    """None of these may recurse, and all are over in a moment; what they measure is that they return."""

    def test_deep(self) -> None:
        """A hundred thousand nested elements are walked."""
        for tag in (
            "div",
            "b",
            "span",
            "nav",
            "x-y",
            "div hidden",
            "ul><li",
            "table><tr><td",
            "template",
            "svg",
            "select",
        ):
            html(f"<{tag}>" * 100_000 + "x")
        self.assertEqual(main("<div>" * 100_000 + "x" + "</div>" * 100_000 + "y"), ["x", "y"])
        self.assertEqual(main("<span>" * 100_000 + "x" + "</span>" * 100_000 + "y"), ["xy"])

    def test_deep_xhtml(self) -> None:
        """So are those of XHTML."""
        page = "<html><body>" + "<i>" * 100_000 + "x" + "</i>" * 100_000 + "</body></html>"
        self.assertEqual(WordParser().xhtml(page).main.split(), ["x"])
        WordParser().xhtml("<a>" * 100_000)

    def test_wide(self) -> None:
        """Many siblings, attributes, brackets, ampersands and one long word take linear time."""
        self.assertEqual(len(main("<p>x" * 200_000)), 200_000)
        self.assertEqual(main("<p " + " ".join(f"a{at}" for at in range(100_000)) + ">x"), ["x"])
        for sign in "<&>\0/'\"=-!":
            html(sign * 200_000)
        self.assertEqual(len(main("x" * 2_000_000)[0]), 2_000_000)
        html("<!--" * 100_000)
        html("<![CDATA[" * 100_000)
        html("<a href='" * 100_000)

    def test_formatting(self) -> None:
        """Formatting elements that a browser must open again for each paragraph stay bounded."""
        html("<p>" + "".join(f"<b id={at}>" for at in range(1000)) + "<p>x" * 1000)
        html("<b><p>" * 20_000 + "</b>" * 20_000)
        html("<table>" + "<b>x" * 20_000)

"""Another library's tree gives the same text: pages made up by Hypothesis, valid and careless."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words.text import WordParser

from .reading import read

TEXTS = st.sampled_from(
    ["a", "b c", " ", "d\n", "&amp;", "é", "&#233;", "x&shy;y", "中文", "<!-- c -->", "<br>", "<wbr>", "<hr>"]
)
INLINE = st.sampled_from(
    ["b", "i", "span", "em", "code", "x-tag", "label", "mark", "script", "svg", "textarea"]
)
FLOW = st.sampled_from(
    ["div", "section", "article", "nav", "header", "footer", "aside", "main", "blockquote", "noscript"]
)
MARKS = st.sampled_from(
    ["", "", "", "", "", " hidden", " aria-hidden=true", " aria-hidden=false", " class=x title='a b'"]
)


def _phrasing(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("<{0}{1}>{2}</{0}>".format, INLINE, MARKS, inside) | st.lists(inside, max_size=4).map(
        "".join
    )


PHRASING = st.recursive(TEXTS, _phrasing, max_leaves=8)


def _flow(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.builds("<li{}>{}".format, MARKS, inside), max_size=3).map("".join)
    cells = st.lists(st.builds("<td{}>{}</td>".format, MARKS, inside), max_size=3).map("".join)
    return (
        st.builds("<{0}{1}>{2}</{0}>".format, FLOW, MARKS, inside)
        | st.builds("<p{}>{}</p>".format, MARKS, PHRASING)
        | st.builds("<ul>{}</ul>".format, items)
        | st.builds("<table><tr>{}</tr></table>".format, cells)
        | st.lists(inside, max_size=4).map("".join)
    )


PAGES = st.recursive(PHRASING, _flow, max_leaves=12)

#: Tags on which html5lib agrees with the standard of today, in any order,
#: not svg, select, template and form.
TAGS = (
    "<p> </p> <b> </b> <i> </i> <div> </div> <br> </br> <a> </a> <nav> </nav> <table> </table> <tr> <td>"
    " </td> <ul> <li> </ul> <h1> </h1> <dl> <dt> <dd> </dl> </span> <aside> <script> </script> <style>"
    " </style> <title> </title> <body> </body> <html> <head> &lt <button> </button> <noscript> </noscript>"
)
OTHERS = ["a", "b c", " ", "<span hidden>", "<p aria-hidden=true>", "<!-- x -->", "<pre>\n", "<a href=x>"]
CARELESS = st.lists(st.sampled_from([*TAGS.split(), *OTHERS]), max_size=14).map("".join)


class TreeTests(SynchronousTestCase):
    def same(self, page: str) -> None:
        found = WordParser().html(page)
        self.assertEqual(
            (found.main.split(), found.other.split()), tuple(text.split() for text in read(page)), page
        )

    @settings(deadline=None, max_examples=150)
    @given(PAGES)
    def test_valid(self, page: str) -> None:
        """A valid document reads the same on html5lib's tree."""
        self.same("<!doctype html><title>t</title><body>" + page)

    @settings(deadline=None, max_examples=150)
    @given(CARELESS)
    def test_careless(self, page: str) -> None:
        """So does one whose tags are in no order."""
        self.same(page)

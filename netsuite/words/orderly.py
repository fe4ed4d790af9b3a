"""What the compiled module is told of tree construction (WHATWG HTML §13.2.6), to read sources in order.

For each tag its kind says what a tree builder does at it, where that is simple; at others reading ends.
"""

from collections.abc import Mapping
from html.entities import html5
from typing import Final

#: Tags by kind, in the order of ``_plain.c``; all others are of the first one, ordinary elements.
KINDS: Final = (
    "",
    # left to a tree
    "applet object marquee template math xmp plaintext nobr image isindex keygen rb rt rtc rp frame frameset"
    " bgsound basefont option optgroup",
    # formatting
    "b big code em font i s small strike strong tt u",
    # end a paragraph
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer"
    " header hgroup main menu nav ol search section summary ul pre listing",
    "h1 h2 h3 h4 h5 h6",
    "li",
    "dd dt",
    "p",
    "form",
    "button",
    # have no end
    "br area embed img wbr param source track",
    "hr",
    # have text that is not parsed, or not seen
    "iframe noembed noframes textarea",
    "select",
    "svg",
    # parts of tables
    "table",
    "caption",
    "colgroup",
    "col",
    "tbody thead tfoot",
    "tr",
    "td th",
    # of more is asked
    "a",
    "meta link base",
    "input",
    "script",
    "noscript",
    "style",
    "title",
    # parts of a page
    "html",
    "head",
    "body",
)

#: Elements of drawings that are in order if their tags are.
DRAWN: Final = (
    "g path circle rect line polyline polygon ellipse defs use symbol lineargradient radialgradient stop"
    " clippath mask text tspan title desc filter fegaussianblur feoffset feblend feflood fecolormatrix"
    " fecomposite animate pattern style image marker"
)

#: What references mean, by their names without the signs around them.
REFERENCES: Final = {name[:-1]: meant for name, meant in html5.items() if name.endswith(";")}

_RAW, _DRAWN = 8, 32


def tags(does: Mapping[str, int]) -> dict[str, int]:
    """Return by tag a sum: what it does to text, if drawings have it, and its kind from the ninth bit on."""
    kinds = {tag: kind for kind, some in enumerate(KINDS) for tag in some.split()}
    drawn = dict.fromkeys(DRAWN.split(), _DRAWN)
    return {
        tag: does.get(tag, 0) & ~_RAW | drawn.get(tag, 0) | kinds.get(tag, 0) << 8
        for tag in (*does, *kinds, *drawn)
    }

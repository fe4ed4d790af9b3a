"""The word rule told a second time, on html5lib's tree and by other means: what the tests hold the first to.

Slow and plain on purpose.  It shares no line and no library with `netsuite.words.text`.
"""

import xml.etree.ElementTree as ElementTree

import html5lib

UNSEEN = {"script", "style", "noscript", "template", "svg", "math", "textarea", "select"}
SOURCE = {"iframe", "noembed", "noframes"}  # unparsed, in a browser's tree
HEADINGS = {f"h{level}" for level in range(1, 7)} | {"hgroup"}
LISTS = {"dd", "dir", "dl", "dt", "li", "menu", "ol", "ul"}
TABLES = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
FORMS = {"fieldset", "form", "legend", "optgroup", "option"}
AROUND = {"aside", "footer", "header", "nav"}
FLOWS = {"address", "article", "blockquote", "body", "br", "center", "details", "dialog", "div", "figcaption"}
FLOWS |= {"figure", "frameset", "hr", "html", "listing", "main", "p", "plaintext", "pre", "search", "section"}
BLOCKS = FLOWS | HEADINGS | LISTS | TABLES | FORMS | AROUND | {"summary", "xmp"}


def read(page: str) -> tuple[str, str]:
    """Return a page's main and other text, with white space where a word must end."""
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    return of_root(parser.parse(page, scripting=True))


def of_root(root: ElementTree.Element) -> tuple[str, str]:
    """Return the main and other text of a tree: HTML's tags are bare, others have ``{namespace}`` before."""
    texts: dict[bool, list[str]] = {False: [], True: []}
    body = root.find("body")
    if body is not None and not _hidden(root):
        _walk(body, False, texts)
    return "".join(texts[False]), "".join(texts[True])


def _hidden(element: ElementTree.Element) -> bool:
    return "hidden" in element.attrib or element.get("aria-hidden", "").lower() == "true"


def _walk(element: ElementTree.Element, other: bool, texts: dict[bool, list[str]]) -> None:
    tag = element.tag if isinstance(element.tag, str) else "!"  # a comment's is a function
    tag = tag.rpartition("}")[2]
    inside = other or tag in AROUND
    block = tag in BLOCKS and "hidden" not in element.attrib
    for kind in (False, True):
        texts[kind].append("\n" if block else "")
    if tag != "!" and tag not in UNSEEN | SOURCE and not _hidden(element):
        texts[inside].append(element.text or "")
        for child in element:
            _walk(child, inside, texts)
            texts[inside].append(child.tail or "")
    for kind in (False, True):
        texts[kind].append("\n" if block else "")

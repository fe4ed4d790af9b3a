"""HTML -> the text a reader sees, what is content kept apart from what surrounds it.

Theory.  The tree is the one a browser builds (WHATWG HTML §13.2.6, with scripting on), so a page's text
doesn't depend on how carelessly it is written.  One walk down the body, with a stack of our own (a page
may nest a hundred thousand elements), puts the text together by four rules:

1. Left out: what FEATURES §3 lists.  ``iframe``, ``noembed`` and ``noframes`` join that list because a
   browser's tree holds their content as unparsed source, which nobody sees and whose tag names are no
   words.  Fallback of ``object``, ``video`` or ``canvas`` is on no list: it is parsed text, shown where
   the thing itself can't be.
2. A block, a list item, a table cell, ``br`` and ``hr`` end a word; all other elements, unknown ones too,
   do not.
3. Text in ``nav``, ``header``, ``footer`` and ``aside`` is *other*, wherever they stand, else *main*.  All
   four are blocks, so no word crosses from one to the other.
4. ``hidden`` takes the element out of the layout, so it ends no word; ``aria-hidden`` keeps its box, so a
   block with it still does.

Most pages are in order: each tag where a tree would have it.  Of these the compiled module reads the
source, in a quarter of the time.  At the first sign that only tree construction can tell, a tree is built.

This is the only module that knows the HTML library's trees; tests hold them equal to another library's.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from turbohtml import CData, Element, HTMLParseError, Namespace, Node, Text, parse, parse_xml
from turbohtml import Document as Tree

from . import orderly

try:
    from . import _plain
except ImportError:
    _plain = None  # type: ignore[assignment]

#: Code points kept of a title.
TITLE_MAX = 300

#: Titles looked at: an ``svg`` before the head's end may bring titles that aren't the document's.
_TITLES_TRIED = 16

UNSEEN: Final = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "textarea", "select"}
    | {"iframe", "noembed", "noframes"}
)

BOILERPLATE: Final = frozenset({"nav", "header", "footer", "aside"})

#: Stands where a block begins or ends.  White space to all who look for words, and no line feed: those of a
#: document's source end no sentence.
BLOCK: Final = "\v"

#: Where a language is stated.  In XML the prefixed one wins (WHATWG HTML §3.2.6.2); to an HTML parser it is
#: nobody's attribute, but who writes it means it.
_HTML_LANG: Final = ("lang", "xml:lang")
_XML_LANG: Final = ("xml:lang", "lang")

#: What WHATWG HTML §15.3 lays out as blocks, list items and parts of tables, and ``br``.
BLOCKS: Final = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dialog",
        "div",
        "figure",
        "figcaption",
        "form",
        "hr",
    }
    | {"legend", "listing", "main", "p", "plaintext", "pre", "search", "section", "xmp", "hgroup", "frameset"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "dir", "dd", "dl", "dt", "menu", "ol", "ul", "li"}
    | {"table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"}
    | {"details", "summary", "fieldset", "optgroup", "option", "br", "html"}
    | BOILERPLATE
)


#: What the compiled module is told of tags, a sum: ends a word, has other text, has no end tag, can't be read
#: from markup, drops a line feed at its beginning; see ``_plain.c``.
TAGS: Final = {
    **dict.fromkeys(BLOCKS, 1),
    **dict.fromkeys(BOILERPLATE, 1 + 2),
    **dict.fromkeys(("br", "hr", "col"), 1 + 4),
    **dict.fromkeys(("xmp", "plaintext"), 8),
    **dict.fromkeys(("pre", "listing"), 1 + 16),
}

_TAGS: Final = None if _plain is None else _plain.tags(TAGS)
_SOURCE_TAGS: Final = None if _plain is None else _plain.tags(orderly.tags(TAGS))
_UNSEEN: Final = ", ".join([*sorted(UNSEEN), "[hidden]"])
_ARIA_HIDDEN: Final = '[aria-hidden="true" i]'

_BLANK_LINES: Final = re.compile(r"\n[ \t\r]*\n")

_WITH_DATA: Final = (Text, CData)  # a tuple: a union would be made anew for each node


@dataclass(frozen=True, slots=True)
class Document:
    """What is read in a document, with `BLOCK` between blocks.  ``lang`` is as the document writes it."""

    lang: str | None
    title: str
    main: str
    other: str
    has_password: bool


class WordParser:
    """Turns decoded text into a `Document`.  Keeps nothing between documents."""

    __slots__ = ()

    def html(self, text: str) -> Document:
        """Return what is read in an HTML document; any text is one."""
        if _SOURCE_TAGS is not None:
            found = _plain.source(text, _SOURCE_TAGS, orderly.REFERENCES)
            if found is not None:
                lang, title, main, other = found
                return Document(lang, _title_of_source(title), main, other, has_password=False)
        return self.by_tree(text)

    def by_tree(self, text: str) -> Document:
        """Return the same, whether or not the page is in order."""
        return _document(parse(text, positions=False, scripting=True, allow_declarative_shadow_roots=False))

    def whole(self, text: str) -> str:
        """Return all that is read in an HTML document, in its order, with `BLOCK` between blocks."""
        tree = parse(text, positions=False, scripting=True, allow_declarative_shadow_roots=False)
        body = None if tree.root is None else _body(tree.root)
        pieces: list[str] = []
        if body is not None:
            _read(body, pieces, pieces, hides=True)
        return "".join(pieces)

    def xhtml(self, text: str) -> Document:
        """Return what is read in an XHTML document: by XML's rules if it is well-formed, else by HTML's.

        It matters for ``<script/>`` and ``<title/>``, which to HTML begin an element that never ends.
        Where XML fails a browser shows its beginning and an error; to count all of it is more use.
        """
        try:
            tree = parse_xml(text)
        except HTMLParseError:
            return self.html(text)
        root = tree.root
        return self.html(text) if root is None or root.tag != "html" else _document(tree, _XML_LANG)

    def plain(self, text: str) -> Document:
        """Return a plain text as a document: as it stands, all of it main text.  Blank lines end a block."""
        main = _BLANK_LINES.sub(BLOCK, text)
        return Document(lang=None, title="", main=main, other="", has_password=False)


def _document(tree: Tree, names: Sequence[str] = _HTML_LANG) -> Document:
    root = tree.root
    body = None if root is None else _body(root)
    lang, title, has_password = (
        _lang(root, body, names) or _pragma_lang(tree),
        _title(tree),
        _has_password(tree),
    )
    hides = tree.select_one("[hidden], [aria-hidden]") is not None
    main, other = ("", "") if body is None else _seen(body, hides, is_html=names is _HTML_LANG)
    return Document(lang, title, main, other, has_password)


def _seen(body: Element, hides: bool, *, is_html: bool) -> tuple[str, str]:
    """Return main and other text; the tree is of no further use.

    To have the library write markup, and the compiled module read that, takes a third of a walk.
    """
    if _TAGS is not None and is_html and body.attr("hidden") is None:
        body.remove(_UNSEEN)
        if hides:
            for element in body.select(_ARIA_HIDDEN):
                element.clear()
        if not (hides and _is_aria_hidden(body)):
            found = _plain.read(body.html, _TAGS)
            if found is not None:
                return found
    main: list[str] = []
    other: list[str] = []
    _read(body, main, other, hides)
    return "".join(main), "".join(other)


def _body(root: Element) -> Element | None:
    """Return the body (WHATWG HTML §3.1.5: the root's first), None where a reader sees none."""
    if root.attr("hidden") is not None or _is_aria_hidden(root):
        return None
    return next((node for node in root.children if type(node) is Element and node.tag == "body"), None)


def _read(body: Element, main: list[str], other: list[str], hides: bool) -> None:
    """Put each piece of text in ``main`` or ``other``, with a mark where a word must end.

    ``hides``: something in the document is hidden; else no attribute needs to be looked at.
    """
    into = main
    nodes: Iterator[Node] = iter((body,))
    around: list[tuple[Iterator[Node], list[str], bool]] = []
    while True:
        for node in nodes:
            if isinstance(node, Element):
                tag = node.tag
                if tag in UNSEEN or (hides and node.attr("hidden") is not None):
                    continue
                unread = hides and _is_aria_hidden(node)
                is_block = tag in BLOCKS
                if is_block:
                    into.append(BLOCK)
                around.append((nodes, into, is_block))
                if tag in BOILERPLATE:
                    into = other
                nodes = iter(() if unread else node.children)
                break
            if isinstance(node, _WITH_DATA):
                into.append(node.data)
        else:
            if not around:
                return
            nodes, before, is_block = around.pop()
            if is_block:
                into.append(BLOCK)
            into = before


def _is_aria_hidden(element: Element) -> bool:
    value = element.attr("aria-hidden")
    return value is not None and value.lower() == "true"


def _lang(root: Element | None, body: Element | None, names: Sequence[str]) -> str | None:
    """Return the language as the document states it, on its root or body."""
    for element in (root, body):
        if element is not None:
            for name in names:
                if value := element.attr(name):
                    return value
    return None


def _pragma_lang(tree: Tree) -> str | None:
    """Return the default language that a ``<meta>`` sets (WHATWG HTML §4.2.5.3): none if it names several."""
    pragma = tree.select_one('meta[http-equiv="content-language" i][content]')
    content = (pragma.attr("content") or "") if pragma is not None else ""
    return None if "," in content else next(iter(content[:256].split()), None)


def _title(tree: Tree) -> str:
    """Return the first title of the document's own, its white space collapsed, within its bound."""
    for tried, element in enumerate(tree.iter_elements("title")):
        if tried == _TITLES_TRIED:
            break
        if element.namespace is Namespace.HTML and not _is_foreign(element):
            return _shown(element.text)
    return ""


def _title_of_source(title: str | None) -> str:
    """Return the title whose source that is, as `_title` does."""
    if title is None:
        return ""
    if any(map(title.__contains__, "&\0\r")):
        return _title(parse(f"<title>{title}</title>", positions=False))
    return _shown(title)


def _shown(title: str) -> str:
    # A million blanks before the title are bounded too: the slice comes first, generously.
    return " ".join(title[: TITLE_MAX * 16].split())[:TITLE_MAX].rstrip()


def _is_foreign(element: Element) -> bool:
    """Is it a title of a drawing or a template?  The XML tree does not tell namespaces apart."""
    parent = element.parent
    return not isinstance(parent, Element) or parent.tag in UNSEEN


def _has_password(tree: Tree) -> bool:
    """Would the page ask for a password?

    Templates and what is hidden count too: a script may show them.  So does the source in ``noscript``,
    which a reader without scripts sees.
    """
    return any(
        (field.attr("type") or "").strip().lower() == "password" for field in tree.iter_elements("input")
    ) or any(
        "<input" in (source := element.text.lower()) and "password" in source
        for element in tree.iter_elements("noscript")
    )

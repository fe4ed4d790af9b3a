"""html5lib-tests' tree-construction data: what `reading` reads in an expected tree, we read in its source.

``tree_construction/*.dat`` is that project's data as of June 2026, under the licence beside it.  A case is
a source and the tree that a browser makes of it, in the form that the project's README tells: a line for
a node, two blanks deeper than its parent.  The parser here explains every line or fails, so nothing is
passed over.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.words.text import TITLE_MAX, WordParser

from .reading import UNSEEN, of_root

DATA = Path(__file__).parent / "tree_construction"

#: Cases in all, and those of them that are fragments: what ``innerHTML`` makes of a text inside a given
#: element.  A page is never one, and the rule has nothing to say on it.
CASES, FRAGMENTS = 1792, 192

#: Cases that read differently, since their expected tree is that of a browser with scripts off, where a
#: ``noscript`` holds elements.  Ours has scripts on, as the readers' have, and there it holds source.
SCRIPTS_OFF = {"noscript01:17", "tests5:17", "tests18:5"}
SCRIPTS_OFF |= {f"tests16:{number}" for number in (85, 87, 89, 182, 184, 186)}

#: Other cases that read differently, each with the reason.
EXCEPTIONS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the data.  ``scripting`` is None where the tree is the same on and off."""

    name: str
    source: str
    fragment: bool
    scripting: bool | None
    dump: str


@cache
def cases() -> list[Case]:
    """Return each case of each file, named ``file:number`` from 1 on."""
    found: list[Case] = []
    for path in sorted(DATA.glob("*.dat")):
        texts = re.split(r"(?:\A|\n)#data\n", path.read_bytes().decode("utf-8"))[1:]
        found += [_case(f"{path.stem}:{number}", text) for number, text in enumerate(texts, 1)]
    return found


def _case(name: str, text: str) -> Case:
    source, _, rest = ("\n" + text).partition("\n#errors\n")
    marks, _, dump = ("\n" + rest).partition("\n#document\n")
    lines = marks.split("\n")
    scripting = True if "#script-on" in lines else False if "#script-off" in lines else None
    return Case(name, source[1:], "#document-fragment" in lines, scripting, dump.rstrip("\n"))


def tree(dump: str) -> ElementTree.Element:
    """Return the root of a dumped tree; its document type and comments around it are left out."""
    top = ElementTree.Element("document")
    above: list[ElementTree.Element] = [top]
    for line in re.split(r"\n(?=\| )", dump):
        blanks, node = re.fullmatch(r"\| ((?:  )*)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
        del above[len(blanks) // 2 + 1 :]
        parent = above[-1]
        assert len(above) == len(blanks) // 2 + 1, line
        if node.startswith('"') and node.endswith('"') and len(node) > 1:
            _append_text(parent, node[1:-1])
        elif (attribute := re.fullmatch(r'(.+?)="(.*)"', node, re.DOTALL)) is not None:
            parent.set(attribute[1], attribute[2])
        elif node.startswith(("<!-- ", "<?")):
            parent.append(ElementTree.Comment(node))
        elif node.startswith("<!DOCTYPE"):
            assert parent is top, line
        else:
            above.append(ElementTree.SubElement(parent, _tag(node)))
    [root] = [child for child in top if isinstance(child.tag, str)]
    return root


def _append_text(parent: ElementTree.Element, text: str) -> None:
    last = parent[-1] if len(parent) else None
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _tag(node: str) -> str:
    if node == "content":  # of a template
        return node
    inside = re.fullmatch(r"<(?:(svg|math) )?(.+)>", node, re.DOTALL)
    assert inside is not None, node
    return f"{{{inside[1]}}}{inside[2]}" if inside[1] else inside[2]


def title(root: ElementTree.Element) -> str:
    """Return the text of the first title that is the document's own, its white space collapsed."""
    for parent in root.iter():
        if isinstance(parent.tag, str) and parent.tag.rpartition("}")[2] not in UNSEEN | {"content"}:
            for child in parent:
                if child.tag == "title":
                    return " ".join((child.text or "").split())[:TITLE_MAX]
    return ""


class TreeConstructionTests(SynchronousTestCase):
    def test_whole_data(self) -> None:
        """No case of the data is lost."""
        self.assertEqual(len(cases()), CASES)
        self.assertEqual(sum(case.fragment for case in cases()), FRAGMENTS)

    def test_text(self) -> None:
        """A page's main and other text, and title, are those of the expected tree; exceptions are named."""
        differing = {}
        read = 0
        for case in cases():
            if case.fragment:
                continue
            found, root = WordParser().html(case.source), tree(case.dump)
            ours = (found.main.split(), found.other.split(), found.title)
            theirs = (*(text.split() for text in of_root(root)), title(root))
            read += any(theirs)
            if ours != theirs:
                differing[case.name] = (case.source, ours, theirs)
        print(f"{CASES - FRAGMENTS} pages, {read} with text or a title, {len(differing)} exceptions")  # noqa: T201
        self.assertEqual(set(differing), SCRIPTS_OFF | set(EXCEPTIONS), differing)

    def test_scripts_off(self) -> None:
        """Each case that is excepted for scripts says that it is for a browser without."""
        off = {case.name for case in cases() if case.scripting is False}
        self.assertEqual(SCRIPTS_OFF - off, set())

"""The words of an HTML file, counted a second time and by other means: html5lib, uniseg, Intl.Segmenter.

Written from FEATURES' rule of what a word is, not from ``netsuite.words``: it shares no code, no parser and
no segmenter with it, and is as plain as it can be.

1. *Tree*: html5lib builds it as a browser does.  Counted is what lies inside ``body``, but for the elements
   of ``UNSEEN``, comments, and subtrees with ``hidden`` or ``aria-hidden="true"``.
2. *Text*: the elements of ``SEPARATING`` end a word before and after themselves, all others don't.  NFC.
3. *Segments*: UAX #29 by uniseg.  Runs of scripts without spaces go to ``Intl.Segmenter`` of Node, as uniseg
   has no dictionaries.  A segment that holds a letter is a word.
4. *Comparison*: NFC, full case folding, NFC again; ``’`` as ``'``; joiners and soft hyphens vanish.
"""

from __future__ import annotations

import collections
import functools
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
from uniseg import wordbreak

from tests.real.parts import PartError, require

_SPACE_XHTML = "{http://www.w3.org/1999/xhtml}"

#: Elements whose text no reader sees, or that is no prose.
UNSEEN = {"script", "style", "noscript", "template", "svg", "math", "textarea", "select"}

#: Elements that a browser lays out as blocks, list items, table parts or line ends.
SEPARATING = set(
    """
    address article aside blockquote body br caption center col colgroup dd details dialog dir div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main
    menu nav ol optgroup option p plaintext pre search section summary table tbody td tfoot th thead tr
    ul xmp
    """.split()  # noqa: SIM905 -- sixty names, one a line, are harder to read
)

#: Runs of ideographs, kana, Thai, Lao, Khmer, Burmese: there a dictionary says where words end.
_DICTIONARY = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]+)"
)

#: White space at which text may be cut, as no rule of UAX #29 joins letters over it.  Not all white space is
#: such: U+202F is in ExtendNumLet and part of a word.
_BREAKING = re.compile("[ \t\n\r\f\v]+")

#: Dropped from what words are compared by.
_VANISHING = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\u2060\ufeff"))


def text_of(source: bytes, encoding: str = "utf-8") -> str:
    """The text that a reader of the page can see, with a line end wherever an element separates words."""
    root = html5lib.parse(source, treebuilder="etree", transport_encoding=encoding)
    body = root.find(f"{_SPACE_XHTML}body")
    return "" if body is None else unicodedata.normalize("NFC", "".join(_pieces(body)))


def _pieces(element: Element) -> Iterator[str]:
    """The pieces of text in an element and below it, in order."""
    if not isinstance(element.tag, str):  # a comment
        return
    space, _, name = element.tag.rpartition("}")
    hidden = "hidden" in element.attrib or element.get("aria-hidden", "").lower() == "true"
    if hidden or name in UNSEEN:
        if name in SEPARATING:
            yield "\n"
        return
    separates = name in SEPARATING and space == _SPACE_XHTML[:-1]
    if separates:
        yield "\n"
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    if separates:
        yield "\n"


def compared(word: str) -> str:
    """What two words must share to be one."""
    folded = unicodedata.normalize("NFC", word).casefold().replace("’", "'").translate(_VANISHING)
    return unicodedata.normalize("NFC", folded)


def _has_letter(segment: str) -> bool:
    return any(unicodedata.category(character).startswith("L") for character in segment)


#: Kana tied to another word by a low line or its like (WB13a, WB13b): Node cuts the whole piece.
_TIED = re.compile("[\u30a1-\u30ff\uff66-\uff9d][_\u202f\uff3f]|[_\u202f\uff3f][\u30a1-\u30ff\uff66-\uff9d]")

# How the versions differ on Debian's books, each difference found by comparing every file, and met here:
#
# - uniseg 0.10.1 has Unicode 16, ICU 78 has 17: CEDILLA is a letter for word boundaries from 17 on (once each
#   in the Italian and the Norwegian handbook).  A letter stands in for it while uniseg cuts.
# - ICU keeps Hangul syllables apart from other letters and digits, so that a particle is a word of its own in
#   "Debian의"; the default rules have them as letters among letters.  Hangul is cut off beforehand.
# - Node 18 of Debian 12 has ICU 72, in which "@" joins letters and ":" does not: "user@lists.debian.org" is
#   one word there, "package:any" two.  Both only outside of the dictionary's scripts, and Node is given
#   nothing else.  Within them ICU 72 and ICU 78 (Node 20, icu4py 1.2) cut all of Debian's Chinese and
#   Japanese alike.
_LETTERS_SINCE = {"\u00b8": "\u02b0"}
_HANGUL = re.compile("([\uac00-\ud7a3]+)")


def _segments(piece: str) -> Iterator[str]:
    """The segments of a piece that needs no dictionary."""
    for run in _HANGUL.split(piece):
        for letter, instead in _LETTERS_SINCE.items():
            if letter in run and instead not in run:
                together = run.replace(letter, instead)
                yield from (segment.replace(instead, letter) for segment in wordbreak.words(together))
                break
        else:
            yield from wordbreak.words(run)


@functools.lru_cache(maxsize=200_000)
def _spaced_words(piece: str) -> tuple[str, ...]:
    """The words of a piece of text without breaking white space."""
    return tuple(compared(segment) for segment in _segments(piece) if _has_letter(segment))


def count_all(sources: Iterable[bytes]) -> list[collections.Counter[str]]:
    """For each file its words, by what they are compared by, with how often they occur."""
    counters: list[collections.Counter[str]] = []
    runs: list[tuple[int, str]] = []  # what is left for the dictionary: number of the file, run of text
    for number, source in enumerate(sources):
        counter: collections.Counter[str] = collections.Counter()
        for piece in _BREAKING.split(text_of(source)):
            spaced = ["", piece, ""] if _TIED.search(piece) else _DICTIONARY.split(piece)
            # Every second one is for the dictionary.
            runs += ((number, run) for run in spaced[1::2])
            for run in spaced[::2]:
                counter.update(_spaced_words(run))
        counters.append(counter)
    for (number, _), segments in zip(runs, _dictionary_segments([run for _, run in runs]), strict=True):
        counters[number].update(compared(segment) for segment in segments if _has_letter(segment))
    return counters


def count_each(paths: Sequence[Path]) -> list[collections.Counter[str]]:
    """For each file its words; a file is counted once, however often it is asked for."""
    new = [path for path in dict.fromkeys(paths) if path not in _counted]
    _counted.update(zip(new, count_all(path.read_bytes() for path in new), strict=True))
    return [_counted[path] for path in paths]


def count_files(paths: Iterable[Path]) -> collections.Counter[str]:
    """The words of all these files together; a path that comes twice counts twice."""
    together: collections.Counter[str] = collections.Counter()
    for counter in count_each(list(paths)):
        together.update(counter)
    return together


_counted: dict[Path, collections.Counter[str]] = {}


#: Reads a JSON list of texts, writes a JSON list of lists of segments.
_NODE = """
const segmenter = new Intl.Segmenter("en", {granularity: "word"});
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const cut = text => Array.from(segmenter.segment(text), part => part.segment);
process.stdout.write(JSON.stringify(texts.map(cut)));
"""


def _dictionary_segments(texts: list[str]) -> list[list[str]]:
    """Each text's segments, by Node."""
    if not texts:
        return []
    require_node()
    done = subprocess.run(
        ["node", "-e", _NODE], input=json.dumps(texts).encode(), capture_output=True, timeout=120
    )
    if done.returncode:
        raise PartError(f"node ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    segments: list[list[str]] = json.loads(done.stdout)
    return segments


def require_node() -> None:
    """Node is installed, or the test is skipped."""
    require("node", shutil.which("node"))

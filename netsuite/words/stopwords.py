"""Words that say little: a list for each language, hidden in the report's view and never in the store.

``stopwords/<language>.txt`` has one word a line; ``#`` begins a comment, blank lines don't matter.  A list
of the user's own has the same form and takes the place of that language's.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from . import segment

#: Languages that share another's list: Snowball's Norwegian one is of both written forms.
_SHARED = {"nb": "no", "nn": "no"}

#: Languages of other scripts: Latin words on their pages are English ones, mostly, and so are the small ones.
_OTHER_SCRIPTS = frozenset(
    (
        *("am", "ar", "be", "bg", "bn", "ckb", "dv", "dz", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka"),
        *("km", "kn", "ko", "ky", "lo", "mk", "ml", "mn", "mr", "my", "ne", "or", "pa", "ps", "ru", "sa"),
        *("sd", "si", "ta", "te", "tg", "th", "ti", "uk", "ur", "yi", "zh"),
    )
)


def load(lang_files: Mapping[str, str] = {}) -> dict[str, frozenset[str]]:
    """Return the keys of each language's stop words; ``lang_files`` maps a language to a file of the
    user's own.

    Raises: OSError and UnicodeDecodeError for a file that can't be read as UTF-8.
    """
    lists = built_in()
    for lang, path in lang_files.items():
        lists[lang.lower()] = _keys(Path(path).read_text(encoding="utf-8-sig").splitlines())
    for lang, other in _SHARED.items():
        lists.setdefault(lang, lists[other])
    for lang in _OTHER_SCRIPTS.difference(map(str.lower, lang_files)):
        lists[lang] = lists.get(lang, frozenset()) | lists["en"]
    return lists


def built_in() -> dict[str, frozenset[str]]:
    """Return the lists that come with netsuite, by language."""
    folder = files(__package__) / "stopwords"
    return {
        entry.name.removesuffix(".txt"): _keys(entry.read_text(encoding="utf-8").splitlines())
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".txt") and entry.name != "LICENSE.txt"
    }


def _keys(lines: Iterable[str]) -> frozenset[str]:
    """Return what the words of a list are compared by."""
    found = (line.partition("#")[0].strip() for line in lines)
    return frozenset(segment.key(word) for word in found if word)

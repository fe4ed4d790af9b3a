"""Years of reading, made from a seed: what the store's benchmark writes and asks.

Languages, sites and words are drawn as they come in life: few are met all the time, most hardly ever (Zipf);
each page brings some words that were never met, as in a text that goes on.  The pages are those of one
reader: days follow each other, one visit in eight is of a page met before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b

from netsuite.wordproxy.store.contract import Batch, Knowledge, Note, Page

#: The shares of languages among sites.
LANGS = ("en", "en", "en", "en", "en", "de", "de", "fr", "zh", "ru")

FIRST_DAY = date(2023, 7, 1)

_SYLLABLES = [
    a + b
    for a in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr")
    for b in "aeiou"
]


@dataclass
class History:
    """A reader's pages; the figures of the whole."""

    pages: int = 100_000
    words: int = 1_000_000
    sites: int = 1000
    days: int = 1096
    draws: int = 115  #: words a page, beside those never met
    seed: int = 1
    vocabulary: dict[str, list[str]] = field(default_factory=lambda: {lang: [] for lang in set(LANGS)})

    def visits(self) -> Iterator[Page]:
        """All of them, in order."""
        dice = random.Random(self.seed)
        visited: list[tuple[int, str]] = []
        fresh = self.words / self.pages
        made = 0
        for number in range(self.pages * 8 // 7):
            if visited and dice.random() < 1 / 8:
                path, host = visited[-1 - int(dice.random() ** 3 * len(visited))]
            else:
                path, host = len(visited), f"site{_rank(dice, self.sites)}.example"
                visited.append((path, host))
            lang = LANGS[int(host[4:-8]) % len(LANGS)]
            known = self.vocabulary[lang]
            for _ in range(int(fresh * len(visited)) - made):
                known.append(_word(len(known)))
                made += 1
            recent = known[-int(fresh) - 1 :]
            drawn = [known[_rank(dice, len(known))] for _ in range(self.draws)] if known else []
            day = FIRST_DAY + timedelta(number * self.days // (self.pages * 8 // 7))
            yield _page(number, path, host, lang, day, [*drawn, *recent])

    def known(self, amount: int = 20_000) -> list[Knowledge]:
        """What a reader of English with some German knows: half of the words met most."""
        parts = (("en", amount * 4 // 5), ("de", amount // 5))
        return [
            Knowledge(key, lang, "ignored" if n % 50 == 7 else "learning" if n % 9 == 4 else "known")
            for lang, some in parts
            for n, key in enumerate(sorted(self.vocabulary[lang][: some * 2])[::2])
        ]

    def stop_words(self) -> dict[str, list[str]]:
        """In each language the 150 words met most."""
        return {lang: [_word(n) for n in range(150)] for lang in self.vocabulary}


def batches(visits: Iterator[Page], size: int) -> Iterator[Batch]:
    """The visits, so many a batch, with a tunnel that passed unseen in each."""
    held: list[Page] = []
    for visit in visits:
        held.append(visit)
        if len(held) == size:
            yield _batch(held)
            held = []
    if held:
        yield _batch(held)


def _batch(pages: list[Page]) -> Batch:
    last = pages[-1]
    return Batch("bench", last.sequence, pages, [Note(last.sequence, last.day, f"cdn.{last.host}", "unseen")])


def _page(number: int, path: int, host: str, lang: str, day: date, words: list[str]) -> Page:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    forms = []
    names = []
    for word, n in counts.items():
        if word[0] == "z":  # one word in thirteen is a name
            forms.append((word.title(), word, n, 0))
            names.append(word)
        elif n > 2:
            forms += [(word, word, n - 1, 0), (word.title(), word, 0, 1)]
        else:
            forms.append((word, word, n, 0) if number % 10 else (word, word, 0, n))
    contexts = [(word, f"It says {word} and more of it, on page {path}.") for word in words[-6:]]
    digest = blake2b(b"%d" % path, digest_size=16).digest()
    url = f"https://{host}/read/{path}.html"
    when = 1688169600.0 + number * 800
    return Page(
        number + 1,
        digest,
        host,
        url,
        f"Page {path} of {host}",
        lang,
        day.isoformat(),
        when,
        forms,
        contexts,
        names,
    )


def _rank(dice: random.Random, size: int) -> int:
    """A rank below ``size``, drawn as 1 / (rank + 1)."""
    return min(int(size ** dice.random() * (1 + 1 / size)) - 1 if size > 1 else 0, size - 1)


def _word(number: int) -> str:
    """A word that can be spoken, another for each number; short ones first."""
    text = _SYLLABLES[number % 80]
    number //= 80
    while number:
        text = _SYLLABLES[number % 80] + text
        number //= 80
    return text

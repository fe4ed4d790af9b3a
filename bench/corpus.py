"""Pages to be counted: news pages made from a seed, and those of Debian's handbook; no two are the same.

A made page has the words of its language as often as the language has them (wordfreq's lists, which fall
off as Zipf's law says), now and then one that is in no list, and, as texts do, its own words again and again.
Its markup is a news site's: of 30 KB a quarter is text, a fifth a script's state, the rest tags and
attributes.  A site's menus are on all of its pages.  Languages have about the shares that they have of the
web's pages.
"""

from __future__ import annotations

import gzip
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.real.parts import HANDBOOK

#: Languages of the sites, one a site.
LANGUAGES = (*["en"] * 9, "es", "es", "de", "fr", "ru", "pt", "it", "pl", "ar", "ja", "zh")

#: Bytes of a made page, and how many of them are its article's text.
PAGE_BYTES, TEXT_BYTES = 30_000, 5_500

#: Share of words that the page had before, that no list has, of names, and of numbers.
AGAIN, STRANGE, NAMES, NUMBERS = 0.2, 0.01, 0.04, 0.02

#: Languages written without spaces.
_DENSE = frozenset(("zh", "ja"))

_HEAD = """\
<!DOCTYPE html>
<html lang="{lang}" dir="auto"><head><meta charset="utf-8"><title>{title} | {name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{teaser}">
<meta property="og:title" content="{title}"><meta property="og:type" content="article">
<link rel="preload" href="/static/css/main.{number}.css" as="style">
<link rel="stylesheet" href="/static/main.css">
<style>.c-article__body>p{{margin:0 0 1.25em;line-height:1.6}}
.c-nav__item{{display:inline-block;padding:0 .5rem}}</style>
<script type="application/ld+json">
{{"@context":"https://schema.org","@type":"NewsArticle","headline":"{title}"}}</script>
</head><body class="t-article t-article--{number}">
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A page: on which of the sites it is, its path, and its bytes before they are compressed."""

    site: int
    path: str
    body: bytes

    @property
    def packed(self) -> bytes:
        """The body in gzip."""
        return gzip.compress(self.body, 6, mtime=0)


def news(number: int, seed: int = 5) -> Iterator[Sample]:
    """So many made pages."""
    dice = random.Random(seed)
    sites = [_Site(index, _Prose(lang, dice), dice) for index, lang in enumerate(LANGUAGES)]
    for at in range(number):
        site = dice.randrange(len(sites))
        yield Sample(site, f"/news/{at}.html", sites[site].page(at))


def handbook(number: int, seed: int = 5) -> list[Sample]:
    """So many of the handbook's pages, in all of its languages."""
    files = sorted(HANDBOOK.glob("*/*.html"))
    random.Random(seed).shuffle(files)
    langs = sorted({file.parent.name for file in files})
    return [
        Sample(
            langs.index(file.parent.name) % len(LANGUAGES),
            f"/{file.parent.name}/{file.name}",
            file.read_bytes(),
        )
        for file in files[:number]
    ]


#: By name, a corpus of so many pages.
CORPORA: dict[str, Callable[[int], list[Sample]]] = {
    "news": lambda number: list(news(number)),
    "handbook": handbook,
}


class _Prose:
    """Sentences of a language, as long as one likes."""

    def __init__(self, lang: str, dice: random.Random) -> None:
        from wordfreq import get_frequency_dict

        self.lang, self._dice = lang, dice
        shares = get_frequency_dict(lang, "small")
        self._words = list(shares)
        self._weights = list(itertools.accumulate(shares.values()))
        self._join, self._stop = ("", "。") if lang in _DENSE else (" ", ". ")
        self._comma = "、" if lang in _DENSE else ", "
        self._had: list[str] = []

    def begin(self) -> None:
        """A new page begins."""
        self._had = []

    def words(self, number: int) -> list[str]:
        """So many words."""
        dice, had = self._dice, self._had
        found = []
        for word in dice.choices(self._words, cum_weights=self._weights, k=number):
            found.append(dice.choice(had) if had and dice.random() < AGAIN else self._varied(word))
            had.append(found[-1])
        return found

    def phrase(self, number: int) -> str:
        """So many words, the first with a capital."""
        text = self._join.join(self.words(number))
        return text[:1].upper() + text[1:]

    def sentence(self) -> str:
        """A sentence of a usual length, in parts."""
        parts = [
            self._join.join(self.words(self._dice.randint(4, 11))) for _ in range(self._dice.randint(1, 3))
        ]
        text = self._comma.join(parts)
        return text[:1].upper() + text[1:] + self._stop

    def _varied(self, word: str) -> str:
        chance = self._dice.random()
        if chance < STRANGE:
            return word + self._dice.choice(self._words)
        if chance < STRANGE + NAMES:
            return word.capitalize()
        return str(self._dice.randrange(3000)) if chance < STRANGE + NAMES + NUMBERS else word


class _Site:
    """A site: what surrounds its articles is the same on all of its pages."""

    def __init__(self, index: int, prose: _Prose, dice: random.Random) -> None:
        self._prose, self._dice, self.name = prose, dice, f"{prose.phrase(2)} {index}"
        links = "".join(
            f'<li class="c-nav__item"><a class="c-nav__link" href="/section/{at}" data-track="nav-{at}">'
            f"{prose.phrase(2)}</a></li>"
            for at in range(32)
        )
        self._menu = (
            f'<header class="c-header"><nav aria-label="main"><ul class="c-nav">{links}</ul></nav></header>'
        )
        foot = "".join(
            f'<li><a href="/about/{at}" rel="nofollow">{prose.phrase(3)}</a></li>' for at in range(20)
        )
        self._foot = f'<footer class="c-footer"><ul>{foot}</ul><p>{prose.sentence()}</p></footer>'

    def page(self, number: int) -> bytes:
        """One of its pages: the article's text up to its bytes, then a script's state up to the page's."""
        prose = self._prose
        prose.begin()
        head = _HEAD.format(
            lang=prose.lang, title=prose.phrase(7), name=self.name, teaser=prose.sentence(), number=number
        )
        parts = [head, self._menu, '<main><article class="c-article"><h1>', prose.phrase(7), "</h1>"]
        left = TEXT_BYTES
        while left > 0:
            text = self._paragraph()
            left -= len(text.encode())
            parts.append(text)
        parts.append("</article></main><aside><h2>" + prose.phrase(2) + "</h2>")
        parts += [self._teaser(at) for at in range(18)]
        parts += ["</aside>", self._foot]
        page = "".join(parts).encode()
        return page + self._state(PAGE_BYTES - len(page)) + b"</body></html>\n"

    def _paragraph(self) -> str:
        prose, dice = self._prose, self._dice
        parts = [prose.sentence() for _ in range(dice.randint(2, 5))]
        at = dice.randrange(len(parts))
        mark, end = dice.choice(
            [
                ("<em>", "</em>"),
                ("<strong>", "</strong>"),
                (f'<a href="/news/{dice.randrange(9999)}.html">', "</a>"),
            ]
        )
        parts[at] = mark + parts[at].rstrip() + end + " "
        return f'<p class="c-article__p" data-block="{dice.randrange(1 << 32):08x}">{"".join(parts)}</p>\n'

    def _teaser(self, at: int) -> str:
        return (
            '<div class="c-grid__cell">'
            f'<div class="c-card c-card--small" data-pos="{at}"><div class="c-card__media">'
            f'<a class="c-card__link" href="/news/x{at}.html"><figure><img class="c-card__img"'
            f' src="/img/{self._dice.randrange(1 << 32):08x}.jpg" alt="" width="9"></figure></a>'
            f'</div><div class="c-card__body"><span class="c-tag">{self._prose.phrase(1)}</span>'
            f'<h3 class="c-card__title"><a href="/news/x{at}.html">{self._prose.phrase(6)}</a></h3>'
            f'<ul class="c-meta"><li class="c-meta__item"><time datetime="2026-01-0{at % 9 + 1}">{at + 1}:30'
            '</time></li><li class="c-meta__item"><button type="button" class="c-save" aria-pressed="false">'
            '<i class="icon"></i></button></li></ul></div></div></div>\n'
        )

    def _state(self, room: int) -> bytes:
        """A script of about so many bytes."""
        entries = (f'"k{at}":"{self._dice.randrange(1 << 60):015x}"' for at in range(max(0, room - 60) // 25))
        return b"<script>window.__STATE__={" + ",".join(entries).encode() + b"};</script>"

"""Pages of all elements, most of them in order, made by dice."""

import random

from netsuite.words import orderly

_OFTEN = (
    "p div b a li ul td tr table tbody span h1 nav dd dl dt form button select option svg br hr i em th thead"
    " caption col colgroup pre article path g input script style textarea noscript p div span a li"
)
COMMON = _OFTEN.split()
ALL = sorted(
    {tag for tags in (*orderly.KINDS, orderly.DRAWN) for tag in tags.split()} | {"x-y", "q", "ruby", "video"}
)
PARTS = ("tr", "td", "th", "tbody", "thead", "tfoot", "caption", "col", "colgroup", "td", "tr", "tr", "td")
RAW = ("script", "style", "textarea", "noscript", "title", "iframe")

ATTRIBUTES = (
    *(" hidden", " HIDDEN=x", ' aria-hidden="true"', " aria-hidden=TRUE", " aria-hidden=false", " lang=de"),
    *(
        ' xml:lang="fr"',
        " type=password",
        ' type="text"',
        ' type=" Password "',
        " /",
        "/",
        " a=b",
        ' a="<b>"',
    ),
    *(" c='>'", " =x", " x=/", " aria-hidden=true aria-hidden=false", ' title="a&amp;b"', " hidden/"),
    *(" http-equiv=content-language content=de", ' lang="" xml:lang=en', " class", " a = b", " lang=a&b"),
    *("\nid=1\t", ' "a"=b', " type=pass&#119;ord"),
)
PIECES = (
    *("a", "tide x", " ", "\n", "\r\n", "\r", "\xe9", "\u0436", "\u6f22", "\U0001f600", "&amp;", "&nbsp;"),
    *("&eacute;", "&#65;", "&#x2019;", "&notit;", "&amp", "&", "& ", "&lt;p&gt;", "&#0;", "&#128;", "&#13;"),
    *(
        "<",
        "< ",
        "<3",
        "&NotEqualTilde;",
        "&#x1F600;",
        "&bogus;",
        "\0",
        "\t\f",
        "</",
        "<!-- x -->",
        "<!---->",
    ),
    *("<!-->", "<!--a--!>b-->", "<!--a>b", "<?x y?>", "<![CDATA[x]]>", "<!x>", "<!doctype html>", "]]>", '"'),
)
IN_RAW = (
    "",
    "x",
    "<b>",
    "if(a<b){}",
    "<!--",
    "-->",
    "</",
    "</p>",
    "password",
    "<input type=password>",
    "<script>",
)
IN_CHOICE = (
    "<option>a",
    "</option>",
    "<optgroup label=x>",
    "\n",
    "b",
    "<option hidden>c</option>",
    "<!--x-->",
)
IN_DRAWING = (
    *("<path/>", "<g>", "</g>", "<title>x</title>", "text", "<circle></circle>", "<p>", "<style>a{}</style>"),
    *("<!--x-->", "<rect x=1 />", "<desc>", "<a>", "<use href=x/>"),
)
IN_TABLE = (
    " ",
    "\n",
    "<!--x-->",
    "<script>x</script>",
    "<style></style>",
    "x",
    "<input type=hidden>",
    "<form>",
    "\r",
)
HEADS = (
    *("", "<title>a b</title>", "<title>a&amp;b</title>", "<meta charset=utf-8>", "<link rel=x>", "\n"),
    *("<script>x</script>", "<style>x</style>", "<!--c-->", "<noscript><link></noscript>", "<base href=x>"),
    *(
        "<title>\n c\rd</title>",
        "<template></template>",
        "x",
        "<meta http-equiv=Content-Language content=de>",
    ),
)
BEGINS = (
    "",
    "<!doctype html>",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD">\n',
    "<?xml?>\n<!doctype html>",
    "<!--x-->",
)
ENDS = ("</body></html>", "</body>\n</html>\n", "", "</html>", "</body> <!--x--> ", "</body>x")


def page(dice: random.Random) -> str:
    """A page."""
    head = "".join(dice.choice(HEADS) if dice.random() < 0.3 else "\n" for _ in range(3))
    begin = f"{dice.choice(BEGINS)}<html{_attribute(dice, 0.2)}>\n<head>{head}</head>"
    body = _body(dice, dice.randrange(1, 7), 0)
    return f"{begin}\n<body{_attribute(dice, 0.1)}>{body}{dice.choice(ENDS)}"


def _attribute(dice: random.Random, chance: float) -> str:
    return dice.choice(ATTRIBUTES) if dice.random() < chance else ""


def _some(dice: random.Random, of: tuple[str, ...]) -> str:
    return "".join(dice.choices(of, k=dice.randrange(4)))


def _body(dice: random.Random, parts: int, depth: int) -> str:
    """What a body, or an element in it, has."""
    return "".join(_part(dice, depth) for _ in range(parts))


def _part(dice: random.Random, depth: int) -> str:
    if dice.random() < 0.35:
        return dice.choice(PIECES) if dice.random() < 0.3 else dice.choice(("a", "tide x", " ", "\n"))
    tag = dice.choice(COMMON) if dice.random() < 0.85 else dice.choice(ALL)
    begin, end = f"<{tag}{_attribute(dice, 0.3)}>", f"</{tag}>"
    way = dice.random()
    if way > 0.75 or depth > 5:
        return begin if way < 0.9 else end.upper()
    if tag in RAW:
        return begin + _some(dice, IN_RAW) + end
    if tag == "table":
        return begin + _table(dice, depth + 1) + end
    if tag == "select":
        return begin + _some(dice, IN_CHOICE) + end
    if tag == "svg":
        return begin + _some(dice, IN_DRAWING) + end
    return begin + _body(dice, dice.randrange(4), depth + 1) + end


def _table(dice: random.Random, depth: int) -> str:
    """What a table, or a part of one, has."""
    found = []
    for _ in range(dice.randrange(6)):
        tag, way = dice.choice(PARTS), dice.random()
        begin, is_cell = f"<{tag}{_attribute(dice, 0.1)}>", tag in ("td", "th", "caption")
        inside = _body(dice, dice.randrange(3), depth + 1) if is_cell else ""
        if way < 0.5:
            if not is_cell and depth < 5:
                inside = _table(dice, depth + 1)
            found.append(f"{begin}{inside}</{tag}>")
        elif way < 0.85:
            found.append(begin + inside if way < 0.7 else f"</{tag}>")
        else:
            found.append(dice.choice(IN_TABLE))
    return "".join(found)

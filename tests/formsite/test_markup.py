"""The pages are valid HTML whose labels belong to something, whatever was answered."""

from __future__ import annotations

import html5lib

from netsuite.formsite.entry import Draft
from netsuite.formsite.form import Field, Form
from netsuite.formsite.posting import Terms
from netsuite.formsite.spam import Rules
from tests.formsite.samples import SiteTests

NASTY = "<b>\"'&amp;</textarea></title><!--\x0b\U000e0001 مرحبا"

CHOSEN = ("radio", "select", "checkbox", "multiple")
OTHERS = ("text", "textarea", "email", "url", "tel", "number", "date", "time", "consent", "file")


def field(number: int, kind: str) -> Field:
    """A field of a kind, called, labelled and explained as nastily as may be."""
    return Field(
        f"{kind} {NASTY[:9]}",
        NASTY,
        kind,  # type: ignore[arg-type]
        (NASTY, "b") if kind in CHOSEN else (),
        required=number % 2 == 0,
        hint=NASTY if number % 3 else "",
    )


FORM = Form(
    NASTY,
    tuple(field(number, kind) for number, kind in enumerate((*CHOSEN, *OTHERS))),
    intro=NASTY,
    thanks=NASTY,
)


class MarkupTests(SiteTests):
    """Each page, parsed without mercy."""

    terms = Terms(FORM, rules=Rules(min_seconds=0))

    def test_valid(self) -> None:
        """html5lib finds no fault, ids are there once, labels and links within the page lead to one."""
        self.successResultOf(
            self.site.keeper.keep(Draft(((NASTY, NASTY), ("", "")), spam="links", origin=NASTY))
        )
        name, stamp = self.site.stamp()
        pages = [
            self.site.ask("/"),
            self.site.ask("/", accept_language="zh"),
            self.site.post((NASTY, NASTY), (name, stamp)),
            self.site.post((NASTY, NASTY), ("", "x")),
            self.site.ask("/posthandler?a=%3Cb%3E&=1"),
            *(
                self.site.ask(path)
                for path in ("/inbox", "/inbox?box=all", "/inbox/1", "/inbox/forget?name=a&value=b")
            ),
            self.site.deed("delete", 1),
            self.site.ask("/nowhere"),
        ]
        for number, page in enumerate(pages):
            text = self.text(page).replace("\x0b", "").replace("\U000e0001", "")
            parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
            tree = parser.parse(text)
            ids = [element.get("id") for element in tree.iter() if element.get("id")]
            self.assertEqual(len(ids), len(set(ids)), number)
            for element in tree.iter():
                wanted = [element.get("for"), *(element.get("aria-describedby") or "").split()]
                if (element.get("href") or "").startswith("#"):
                    wanted.append((element.get("href") or "")[1:])
                self.assertEqual([one for one in wanted if one and one not in ids], [], number)
            labels = {element.get("for") for element in tree.iter("label")}
            for control in (*tree.iter("input"), *tree.iter("select"), *tree.iter("textarea")):
                if control.get("type") not in ("hidden", "radio", "checkbox"):
                    self.assertIn(control.get("id"), labels, number)

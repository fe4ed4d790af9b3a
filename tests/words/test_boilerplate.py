"""What is content and what surrounds it (FEATURES §3.1, "Boilerplate"), on pages as they are."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.words.count import Source, WordCounter
from netsuite.words.text import BOILERPLATE, WordParser

MENU = " ".join(f"menu{number}" for number in range(500))


def read(page: str) -> tuple[list[str], list[str]]:
    found = WordParser().html(page)
    return found.main.split(), found.other.split()


def counted(page: str) -> dict[str, tuple[int, int]]:
    forms = WordCounter().count(Source("text/html", "utf-8", "", None), [page.encode()]).forms
    return {form: (main, other) for form, _, main, other in forms}


class PageTests(SynchronousTestCase):
    def test_big_menu(self) -> None:
        """A menu of five hundred words, read on twenty pages, has no word among those of main text."""
        main: dict[str, int] = {}
        other: dict[str, int] = {}
        for number in range(20):
            around = f"<header>Site</header><nav>{MENU}</nav>", "<footer>Imprint</footer>"
            page = f"<main><p>page{number} tide</main>".join(around)
            for form, (in_main, in_other) in counted(page).items():
                main[form] = main.get(form, 0) + in_main
                other[form] = other.get(form, 0) + in_other
        self.assertEqual(main["tide"], 20)
        content = {form for form, times in main.items() if times}
        self.assertEqual(content, {f"page{number}" for number in range(20)} | {"tide"})
        self.assertEqual({other[word] for word in [*MENU.split(), "Site", "Imprint"]}, {20})

    def test_word_in_both(self) -> None:
        """A word of both kinds is counted in each, and the two add up to the page."""
        found = counted("<nav>tide harbour</nav><p>tide tide<aside>tide</aside>")
        self.assertEqual(found, {"tide": (2, 2), "harbour": (0, 1)})

    def test_whole_page_is_boilerplate(self) -> None:
        """A page that is all header has no main text, and its words are not lost."""
        self.assertEqual(read("<header><main><article><p>a b</header>"), ([], ["a", "b"]))


class ElementTests(SynchronousTestCase):
    def test_depth(self) -> None:
        """Each of the four counts at any depth, in an article too, and all inside it goes along."""
        for tag in BOILERPLATE:
            part = f"<{tag}><h2>x</h2><ul><li>y<p>z</ul></{tag}>"
            page = f"<main><article><section>{part}<p>a</section></article></main>"
            self.assertEqual(read(page), (["a"], ["x", "y", "z"]), tag)

    def test_unclosed(self) -> None:
        """One that is never closed ends where a browser ends it."""
        self.assertEqual(read("<div><nav>x<p>y</div>a"), (["a"], ["x", "y"]))
        self.assertEqual(read("<nav>x<footer>y"), ([], ["x", "y"]))
        self.assertEqual(read("<table><tr><td><aside>x<td>a</table>"), (["a"], ["x"]))

    def test_misplaced(self) -> None:
        """Inside a table's rows it is put before the table, as a browser does, and is still apart."""
        self.assertEqual(read("<table><nav>x</nav><tr><td>a</table>"), (["a"], ["x"]))

    def test_role_and_class_do_not_count(self) -> None:
        """The rule is on elements: what a role, class or id says makes a block neither one nor the other."""
        for role in ("navigation", "banner", "contentinfo", "complementary", "search", "menu"):
            self.assertEqual(read(f"<div role={role} class=nav id=footer>a</div>"), (["a"], []), role)
        for role in ("main", "article", "none", "presentation"):
            self.assertEqual(read(f"<nav role={role} class=content>x</nav>a"), (["a"], ["x"]), role)

    def test_foreign_names(self) -> None:
        """A drawing's element of the same name is no text at all, a custom one is main text."""
        self.assertEqual(read("<svg><nav>no</nav></svg>"), ([], []))
        self.assertEqual(read("<x-nav>a</x-nav><nav-bar>b</nav-bar>"), (["ab"], []))


class FormTests(SynchronousTestCase):
    def test_labels_are_text(self) -> None:
        """What a form shows is main text; what stands in its fields is not text."""
        page = (
            "<form><fieldset><legend>a</legend><label>b <input value=no placeholder=no></label>"
            "<textarea>no</textarea><select><option>no</select><button>c</button><output>d</output>"
            "<meter>e</meter><datalist><option>f</datalist></fieldset></form>"
        )
        self.assertEqual(read(page), (["a", "b", "cde", "f"], []))

    def test_in_boilerplate(self) -> None:
        """A search form in a header is the header's."""
        self.assertEqual(read("<header><form><label>x</label></form></header>a"), (["a"], ["x"]))


class HiddenTests(SynchronousTestCase):
    def test_hidden_attributes(self) -> None:
        """hidden, whatever its value, and aria-hidden="true" leave out; nothing else does."""
        for attribute in (
            "hidden",
            "hidden=until-found",
            "hidden=false",
            "aria-hidden=true",
            "aria-hidden=TRUE",
        ):
            for tag in ("p", "span", "nav", "x-y"):
                page = f"a <{tag} {attribute}>no<b>no</b></{tag}> b"
                self.assertEqual(read(page), (["a", "b"], []), page)
        for attribute in (
            "aria-hidden=false",
            "aria-hidden",
            "aria-hidden=' true'",
            "inert",
            "style=display:none",
            "class=hidden",
            "role=presentation",
            "data-hidden",
            "open=false",
        ):
            self.assertEqual(read(f"<p {attribute}>a</p>"), (["a"], []), attribute)

    def test_shown_again(self) -> None:
        """Inside what is hidden nothing is shown again."""
        self.assertEqual(read("<div hidden><p aria-hidden=false>no<nav>no</nav></div>a"), (["a"], []))
        self.assertEqual(read("<nav><ul aria-hidden=true><li>no</ul>x</nav>"), ([], ["x"]))

    def test_closed_widgets(self) -> None:
        """A closed details and a dialog are there to be opened: their words count."""
        page = "<details><summary>a</summary>b</details><dialog>c</dialog>"
        self.assertEqual(read(page), (["a", "b", "c"], []))

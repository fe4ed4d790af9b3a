"""The guides and the reference are sound as HTML; the source's pages are made by `make docs` alone."""

from __future__ import annotations

import html.parser
import importlib.util
import subprocess
import sys
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from netsuite.scripts import manual
from tests.real.parts import ROOT, require
from tests.scale import NIGHTLY

GUIDES = ("user", "operator", "tour", "scaling", "hooks", "reference/index")


class Links(html.parser.HTMLParser):
    """The pages beside it that a page leads to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: set[Path] = set()
        self._folder = page.parent
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        if target and ":" not in target and not target.startswith("#"):
            self.found.add((self._folder / target.partition("#")[0]).resolve())


class HtmlTests(SynchronousTestCase):
    """Sphinx, as `make docs` runs it."""

    @skipUnless(NIGHTLY, "make nightly: `make docs` is a step of .ci/run")
    def test_no_warning(self) -> None:
        """README, guides and reference become pages without a warning; links lead to what is there."""
        require("sphinx", importlib.util.find_spec("sphinx"))
        made = Path(self.mktemp()).resolve()
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-c", "docs"]
        command += ["-d", str(made / ".doctrees"), ".", str(made)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))
        pages = {made / "README.html", *(made / f"docs/{name}.html" for name in GUIDES)}
        chapters = [*manual.suite().pages, *manual.twistd().pages]
        pages |= {made / f"docs/reference/{page.file}.html" for page in chapters}
        for page in pages:
            self.assertTrue(page.exists(), page)
        for page in (made / "README.html", made / "docs/index.html", made / "docs/reference/index.html"):
            missing = {path for path in Links(page).found if not path.exists()}
            self.assertEqual(missing - {made / "api/index.html"}, set(), page)

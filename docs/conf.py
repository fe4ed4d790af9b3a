"""How `make docs` makes HTML of README, guides and reference; the API pages are pydoctor's (setup.cfg)."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

project = "netsuite"
author = "netsuite contributors"
version = release = installed("netsuite")
root_doc = "docs/index"
include_patterns = ["README.rst", "CHANGELOG.rst", "CONTRIBUTING.rst", "docs/**.rst"]
nitpicky = True
smartquotes = False  # what is in quotes may be what a program says
html_theme = "alabaster"
html_theme_options = {"page_width": "60rem", "fixed_sidebar": True}
html_show_sphinx = False
html_copy_source = False


def to_pages(app: Any, tree: nodes.document) -> None:
    """Links to sources, as README has them for readers of the repository, lead to their pages."""
    for node in tree.findall(nodes.reference):
        target = node.get("refuri", "")
        if target.endswith(".rst") and ":" not in target:
            if not (Path(app.env.doc2path(app.env.docname)).parent / target).exists():
                logging.getLogger(__name__).warning("no such file: %s", target, location=node)
            node["refuri"] = target.removesuffix(".rst") + ".html"


def setup(app: Any) -> None:
    """The links are seen to."""
    app.connect("doctree-read", to_pages)

"""Templates of all sites of a process: one that is broken costs its own pages alone."""

from __future__ import annotations

import jinja2
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site import frame
from netsuite.site.answer import Answer, Asked
from netsuite.site.routes import Routes


class BrokenTests(SynchronousTestCase):
    """A template that can't be compiled."""

    def test_apart(self) -> None:
        """It is told at the start; its pages are 500 under a number; all other pages are there."""
        real = jinja2.PackageLoader("netsuite.site")
        broken = jinja2.ChoiceLoader([jinja2.DictLoader({"broken.html": "{% for %}"}), real])
        self.patch(jinja2, "PackageLoader", lambda package: broken)
        frame._environment.cache_clear()
        frame._compile.cache_clear()
        self.addCleanup(frame._environment.cache_clear)
        self.addCleanup(frame._compile.cache_clear)
        ours = frame.Frame("ours")
        self.assertEqual(len(self.flushLoggedErrors(jinja2.TemplateSyntaxError)), 1)

        async def view(asked: Asked) -> Answer:
            return ours.page("broken.html", asked)

        routes = Routes(ours, {"/": view})
        for path, status in ((b"/", 500), (b"/other", 404)):
            answered = Deferred.fromCoroutine(routes.answer(b"GET", path, {"host": "localhost"}))
            self.assertEqual(self.successResultOf(answered).status, status)
        self.assertEqual(len(self.flushLoggedErrors(jinja2.TemplateSyntaxError)), 1)

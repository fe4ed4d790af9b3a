"""Web tools run here, on the real reactor, against origins that a test writes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from netsuite.scripts.running import NoOutput, failure, finish
from tests.client.origin import Answering, Origin


class WebToolCase(TestCase):
    """Has origins, and runs tools against them."""

    timeout = 60

    def origin(self, answering: Answering | bytes, **settings: Any) -> Origin:
        """An origin for the time of a test."""
        made = Origin(answering if callable(answering) else lambda _: answering, **settings)
        self.addCleanup(made.close)
        return made

    def path(self, name: str = "") -> Path:
        """A new folder, or a path in one."""
        folder = Path(self.mktemp())
        folder.mkdir()
        return folder / name

    async def ran(
        self, tool: Any, *arguments: str, environ: Mapping[str, str] = {}
    ) -> tuple[int, bytes, str]:
        """A tool's exit status, standard output and standard error; ``environ`` is all it sees of one."""
        path = self.path("stdout")
        errors = io.StringIO()
        before = sys.stdout, sys.stderr, os.environ
        with path.open("w") as output:
            sys.stdout, sys.stderr, os.environ = output, errors, {"HOME": str(path.parent), **environ}  # type: ignore[assignment]
            options = tool.Options()
            try:
                try:
                    options.parseOptions(list(arguments))
                    outcome = await Deferred.fromCoroutine(tool.main(reactor, options))
                except NoOutput:
                    raise
                except Exception as error:
                    outcome = failure(error, debug=True)
                finish(options, outcome, as_json="-j" in arguments)
            finally:
                sys.stdout, sys.stderr, os.environ = before
        return outcome.exit, path.read_bytes(), errors.getvalue()

"""Another web server, played the same cases: Twisted's own site as it comes, with one page."""

from __future__ import annotations

import sys
from importlib.metadata import version

from tests.real.origin.visit import Site
from tests.real.parts import Child, answers, free_ports, until

_PLAIN = """\
import sys
from twisted.internet import reactor
from twisted.web import resource, server

class Page(resource.Resource):
    isLeaf = True
    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"text/html")
        if request.setETag(b'"one"'):
            return b""
        return b"hello"
    def render_POST(self, request):
        return b"posted"

reactor.listenTCP(int(sys.argv[1]), server.Site(Page()), interface="127.0.0.1")
reactor.run()
"""


def plain() -> tuple[Child, Site, str]:
    """``twisted.web.server.Site`` with a resource that answers GET, HEAD and POST; and its version."""
    [port] = free_ports(1)
    child = Child("plain")
    child.start([sys.executable, "-c", _PLAIN, str(port)])
    until("it listens", lambda: answers("127.0.0.1", port))
    return child, Site("twisted.web", port, b"/page.html", b"/page.html"), version("twisted")

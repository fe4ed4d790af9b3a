"""The tutorial's request handler on a plain twisted.web Site: ``python bench/plain_site.py PORT [LOG]``."""

import sys

from twisted.internet import reactor
from twisted.web import resource, server


class Pages(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"text/html")
        if request.path == b"/":
            return b"<h1>Home</h1>Home Page"
        if request.path == b"/test":
            return b"<h1>Test</h1>Test Page"
        request.setResponseCode(404)
        return b"<h1>Not Found</h1>Sorry, no such page."


class Quiet(server.Site):
    def log(self, request):
        pass


made = server.Site(Pages(), logPath=sys.argv[2]) if len(sys.argv) > 2 else Quiet(Pages())
reactor.listenTCP(int(sys.argv[1]), made, interface="127.0.0.1")
reactor.run()

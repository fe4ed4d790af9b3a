"""A plain twisted.web Site that always gives one answer: ``site_echo.py PORT ANSWER-FILE [LOG]``."""

import sys

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

with open(sys.argv[2], "rb") as file:
    ANSWER = file.read()


class Same(Resource):
    isLeaf = True

    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"text/plain")
        return ANSWER


site = Site(Same(), logPath=sys.argv[3] if sys.argv[3:] else None)
reactor.listenTCP(int(sys.argv[1]), site, interface="127.0.0.1")
reactor.run()

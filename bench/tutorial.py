"""The tutorial's proxy, as it is taught: ``python bench/tutorial.py PORT``."""

import sys

from twisted.internet import reactor
from twisted.python import log
from twisted.web import http, proxy


class ProxyFactory(http.HTTPFactory):
    protocol = proxy.Proxy


log.startLogging(sys.stdout)
reactor.listenTCP(int(sys.argv[1]), ProxyFactory(), interface="127.0.0.1")
reactor.run()

"""The services of netsuite that twistd offers, and the reactor that they prefer."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

echo = ServiceMaker("Echo", "netsuite.echo.service", "Say back each line.", "echo")
httpecho = ServiceMaker("HTTP echo", "netsuite.httpecho.service", "Say what really arrived.", "httpecho")
formsite = ServiceMaker("Form site", "netsuite.formsite.service", "A form, every answer kept.", "formsite")
colors = ServiceMaker("Colors", "netsuite.colors.service", "A page for each color, to be read.", "colors")
pages = ServiceMaker("Pages", "netsuite.pages.service", "A table of pages and their answers.", "pages")
proxy = ServiceMaker("Proxy", "netsuite.proxy.service", "Forward HTTP proxy, guarded and private.", "proxy")
wordproxy = ServiceMaker(
    "Wordproxy", "netsuite.wordproxy.service", "Count the words of what one reads; report them.", "wordproxy"
)

netsuite = ServiceMaker("Netsuite", "netsuite.suite", "Any mix of these services, from one file.", "netsuite")

reactor = Reactor("netsuite", "netsuite.reactor", "epoll with a short way to netsuite's connections.")

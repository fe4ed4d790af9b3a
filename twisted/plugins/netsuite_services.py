"""The services of netsuite that twistd offers."""

from twisted.application.service import ServiceMaker

echo = ServiceMaker("Echo", "netsuite.echo", "Say back each line.", "echo")

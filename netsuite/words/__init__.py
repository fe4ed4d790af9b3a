"""From a body to its words, as values: no Twisted, no sockets, no clock."""

"""Conformance: what RFC 9110 and RFC 9112 ask of a forward proxy, as named cases over raw sockets."""

"""HTTP/1.1 messages as values: strict, bounded, without sockets (RFC 9110, RFC 9112)."""

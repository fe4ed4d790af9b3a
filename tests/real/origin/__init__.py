"""What RFC 9110 and 9112 ask of an origin server, over raw sockets, of each of our sites."""

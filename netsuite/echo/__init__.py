"""Echo: says back each line, or in raw mode each byte (RFC 862), and misbehaves where it is told to."""

"""The HTTP echo service: says what really arrived, byte by byte, and remembers the last requests."""

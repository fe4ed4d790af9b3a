"""The HTTP echo service: its parts as values, and its connections on strings."""

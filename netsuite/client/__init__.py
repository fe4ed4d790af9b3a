"""The HTTP client that our web tools share."""

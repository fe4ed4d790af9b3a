"""From what a user names to a connection with it: places, TLS, the attempts, and how a failure is told."""

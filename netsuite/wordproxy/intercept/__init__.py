"""TLS of the hosts that were asked for, opened so that their pages are counted."""

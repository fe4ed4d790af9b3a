"""Is it reached, does it serve, and if not why: what connectiontest knows of a place."""

"""The manual: what a command line takes, read from its options once, and written for people and shells."""

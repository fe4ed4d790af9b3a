"""Tools for the command line: one tool, one file; ``running`` is what they share."""

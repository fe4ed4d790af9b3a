"""Colours: seen, named, measured for reading, and linked to (tutorial: resourcetree)."""

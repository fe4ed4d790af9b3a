"""Pages: a table of paths and what is answered there."""

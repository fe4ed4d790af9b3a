"""formsite: a form, and every answer to it kept in a file of one's own."""

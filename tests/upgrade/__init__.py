"""Files that older versions left, and what today's code makes of them."""

"""What updatecheck says of pages and their servers."""

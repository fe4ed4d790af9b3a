"""The web pages and JSON that show what was counted."""

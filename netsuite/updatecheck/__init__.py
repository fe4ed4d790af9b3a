"""Whether a page changed, and whether its server's answers to conditional requests can be believed."""

"""The proxy that counts the words of the pages that pass through it, and its report."""

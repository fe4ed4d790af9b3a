"""The forward HTTP proxy: a browser on one side, pooled origins on the other."""

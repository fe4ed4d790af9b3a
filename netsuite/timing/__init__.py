"""Timing: a schedule, how late its calls were, and what the clocks did meanwhile; values in, values out."""

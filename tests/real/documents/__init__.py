"""The guides, taken at their word: commands are run on a machine apart, and what they print compared."""

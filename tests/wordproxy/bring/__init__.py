"""Tests of what brings words in from elsewhere."""

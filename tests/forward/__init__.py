"""Tests of forwarding standard input and output."""

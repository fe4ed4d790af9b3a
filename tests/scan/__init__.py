"""Tests of what portscan knows."""

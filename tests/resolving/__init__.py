"""Tests of names\x27 resolution."""

"""Tests of the word store."""

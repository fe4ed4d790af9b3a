"""Tests of what connectiontest knows of a place."""

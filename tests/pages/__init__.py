"""Tests of pages: its table and its answers by values, the site on strings."""

"""Tests of echo: its cores by values, its connections on strings."""

"""Tests of the web tools' client."""

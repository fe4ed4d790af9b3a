"""Tests of what all our web sites share."""

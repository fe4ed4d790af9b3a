"""Tests of the timing core."""

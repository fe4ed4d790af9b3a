"""Tests of how places are reached."""

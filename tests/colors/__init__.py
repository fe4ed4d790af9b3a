"""Tests of the room colors."""

"""Tests of formsite."""

"""Interception."""

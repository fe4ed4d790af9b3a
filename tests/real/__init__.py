"""Tests with real parts: sockets, processes, nginx, a browser."""

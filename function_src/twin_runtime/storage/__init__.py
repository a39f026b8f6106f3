"""Rows of the hot store, and how they are read."""

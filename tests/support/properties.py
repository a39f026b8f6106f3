"""Settings of property tests that are to be short and the same on every run."""

from __future__ import annotations

from hypothesis import settings

bounded = settings(deadline=None, max_examples=40, derandomize=True, database=None)

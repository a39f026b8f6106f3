"""Amounts as pages show them."""

from __future__ import annotations

import doctest

from guides.prices import amounts


def test_halves_are_rounded_up() -> None:
    """By the examples, which have half-way values at every length."""
    failed, tried = doctest.testmod(amounts)
    assert not failed
    assert tried == 2

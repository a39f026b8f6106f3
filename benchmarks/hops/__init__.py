"""One hop of each role, and the same hop written by hand without any check: what `roles.py` compares."""

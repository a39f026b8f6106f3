"""The twin graph: what is in it, and how it is asked."""

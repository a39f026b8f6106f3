"""The command `twinspan`: what an operator does with a twin, from its first file to its end."""

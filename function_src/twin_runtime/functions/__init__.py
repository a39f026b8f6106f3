"""The functions that a twin deploys, a file per role."""

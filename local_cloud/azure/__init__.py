"""Azure's part of the local cloud."""

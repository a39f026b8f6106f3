"""Twinspan's functions on Azure: adapters of the runtime's ports, and an entry point per role."""

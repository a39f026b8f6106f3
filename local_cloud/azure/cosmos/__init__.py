"""Cosmos DB on one machine."""

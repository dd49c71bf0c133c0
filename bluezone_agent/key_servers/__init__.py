"""Servers that take the keys of cases, each by its own protocol."""

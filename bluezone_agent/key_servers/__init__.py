"""Servers that accept the keys of cases, each with its own protocol."""

"""Counts people at a door, and who of them has a device that broadcasts."""

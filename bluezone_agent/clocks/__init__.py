"""Clocks: the system's, and a simulated one on a loop that skips idle time."""

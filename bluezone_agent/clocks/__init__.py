"""Clocks: the system's clock, and a simulated clock on a loop that skips idle time."""

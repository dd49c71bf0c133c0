"""Simulated worlds around the real agent: a day in six lives, and a recorded room of real radios."""

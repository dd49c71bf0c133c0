"""Simulated worlds around the real agent: a day with six people, and a recorded room with real radios."""

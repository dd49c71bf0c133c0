"""Radios that share simulated air."""

"""Pure proximity logic: no I/O, no clock, no log, no async. Time and randomness come in as arguments."""

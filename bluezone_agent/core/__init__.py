"""Pure proximity logic: no I/O, no clock, no log, no async. Time and randomness are passed as arguments."""

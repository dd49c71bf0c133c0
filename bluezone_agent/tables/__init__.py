"""Tables that are too large for a list: what computes them, on this machine or on several."""

"""Field trials: a plan, the folder that records it, and what comes out of it."""

"""What is played in the guest; one module a scenario, each with ``play``."""

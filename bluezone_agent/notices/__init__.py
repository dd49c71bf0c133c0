"""Ways to reach the owner."""

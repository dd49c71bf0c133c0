"""Pages that a command writes for a browser."""

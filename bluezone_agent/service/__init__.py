"""What the agent does: broadcast, listen, keep, check, tell."""

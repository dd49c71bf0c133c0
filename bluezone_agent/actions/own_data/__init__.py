"""The owner's data as tables that other programs read, without a secret (docs/owner.md)."""

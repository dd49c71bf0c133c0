"""A radio of our own on an adapter that nothing else uses (HCI user channel)."""

"""A radio with exclusive use of an adapter (HCI user channel)."""

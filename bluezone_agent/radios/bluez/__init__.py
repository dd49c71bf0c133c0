"""A radio through bluetoothd (D-Bus)."""

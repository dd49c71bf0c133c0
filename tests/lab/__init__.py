"""The lab: the agent on a real kernel, bluetoothd, D-Bus and bleak, over virtual controllers (docs/lab.md)."""

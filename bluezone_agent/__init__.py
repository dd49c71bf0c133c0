"""bluezone-agent: an on-device proximity agent for Bluetooth Low Energy."""

__version__ = "0.1.0"

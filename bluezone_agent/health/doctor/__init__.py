"""What is wrong with a device, and how to fix it."""

"""What an owner does on purpose: calibrate, test, export, submit, back up, wipe."""

"""The installed service under a real systemd: a Debian of its own on the lab's kernel (docs/systemd.md)."""

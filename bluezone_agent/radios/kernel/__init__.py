"""A radio through the kernel's management socket, which a broker with the privilege for it keeps."""

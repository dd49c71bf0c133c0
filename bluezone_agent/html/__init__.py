"""Pages for a browser, and their drawings: shared by the files that commands write and by ``bluezone-agent web``."""

"""Published keys compared with received contacts: check, explain, compare."""

"""Published keys against received contacts: check, explain, compare."""

"""The store's SQLite file: open, schema, recovery, snapshot, erasure."""

"""Recordings of received advertisements: writing them, and replaying them as a radio."""

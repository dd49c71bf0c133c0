"""Recordings of received advertisements: written, and played back as a radio."""

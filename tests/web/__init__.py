"""Tests of the owner's local page."""

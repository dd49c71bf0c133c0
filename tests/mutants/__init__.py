"""Every mutant (tests/MUTANTS.md)."""

from __future__ import annotations

from typing import Final

from tests.mutants import clock, command_line, daemon, owner, parsers, privacy, store

MUTANTS: Final = (
    *clock.MUTANTS,
    *store.MUTANTS,
    *daemon.MUTANTS,
    *owner.MUTANTS,
    *parsers.MUTANTS,
    *privacy.MUTANTS,
    *command_line.MUTANTS,
)

"""Every mutant (tests/MUTANTS.md)."""

from __future__ import annotations

from typing import Final

from tests.mutants import air, clock, daemon, owner, parsers, privacy, store

MUTANTS: Final = (
    *air.MUTANTS,
    *clock.MUTANTS,
    *store.MUTANTS,
    *daemon.MUTANTS,
    *owner.MUTANTS,
    *parsers.MUTANTS,
    *privacy.MUTANTS,
)

"""Every mutant (tests/MUTANTS.md)."""

from __future__ import annotations

from typing import Final

from tests.mutants import clock, owner, parsers, privacy, service, store

MUTANTS: Final = (*clock.MUTANTS, *store.MUTANTS, *service.MUTANTS, *owner.MUTANTS, *parsers.MUTANTS, *privacy.MUTANTS)

"""Every mutant (tests/MUTANTS.md)."""

from __future__ import annotations

from typing import Final

from tests.mutants import (
    air,
    clock,
    command_line,
    daemon,
    door,
    exposures,
    notices,
    own_data,
    owner,
    page,
    parsers,
    privacy,
    shown,
    sources,
    store,
    suppression,
    trials,
    uptake,
)

MUTANTS: Final = (
    *clock.MUTANTS,
    *exposures.MUTANTS,
    *store.MUTANTS,
    *daemon.MUTANTS,
    *notices.MUTANTS,
    *own_data.MUTANTS,
    *owner.MUTANTS,
    *parsers.MUTANTS,
    *privacy.MUTANTS,
    *sources.MUTANTS,
    *command_line.MUTANTS,
    *air.MUTANTS,
    *suppression.MUTANTS,
    *shown.MUTANTS,
    *page.MUTANTS,
    *trials.MUTANTS,
    *uptake.MUTANTS,
    *door.MUTANTS,
)

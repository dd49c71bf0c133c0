"""The cause of a TaskGroup's failure."""

from __future__ import annotations


def first_failure(failures: ExceptionGroup) -> Exception:
    """Return the failure that a person can act on; the others followed from it."""
    leaf: Exception = failures
    while isinstance(leaf, ExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf

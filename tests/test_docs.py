"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.mutants import MUTANTS
from tests.mutants.__main__ import table
from tests.mutants.mutant import Mutant

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md")])
PATH: Final = re.compile(r"(?<![\w/])(?:tests|benchmarks|docs|scripts|systemd|bluezone_agent)/[\w./-]*\w(?![\w*])")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text()))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_has_its_place(mutant: Mutant) -> None:
    assert (ROOT / "bluezone_agent" / mutant.file).read_text().count(mutant.old) == 1


def test_every_mutant_has_its_row() -> None:
    assert (ROOT / "tests" / "MUTANTS.md").read_text().endswith(table())

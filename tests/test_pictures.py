"""The pictures of the documentation show the code as it is."""

from __future__ import annotations

import pytest

from tests.pictures import FOLDER, PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_code_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")
    assert (FOLDER / name).read_text("utf-8") == PICTURES[name](), "run scripts/pictures"

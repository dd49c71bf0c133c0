"""The boots that the lab's tests judge, each made once."""

from __future__ import annotations

import pytest

from tests.lab.machine import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))

"""``--json``: a documented shape that comes from the types."""

from __future__ import annotations

import pytest

from tests.json_docs import PAGE, answers, page
from tests.program import UnexpectedAnswerError, require_shape


def test_every_command_with_json_has_a_type() -> None:
    assert [name for name, kinds in answers().items() if None in kinds] == []


def test_the_document_is_made_from_the_types() -> None:
    assert PAGE.read_text("utf-8") == page(), "run scripts/json-docs"


def test_another_shape_is_noticed() -> None:
    require_shape(("resume",), '{"was": null}')
    for wrong in ("{}", '{"was": 1}', '{"was": {"mode": "paused", "until": "soon"}}', '{"was": null, "other": 1}'):
        with pytest.raises(UnexpectedAnswerError):
            require_shape(("resume",), wrong)
